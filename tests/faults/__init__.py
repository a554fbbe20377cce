"""The fault rig: the product's own processes on durable servers, killed, stopped and cut off, and a check afterwards that nothing was lost or done twice."""
