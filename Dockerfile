# One image for every process: `nod web`, `nod worker`, `nod scheduler`, `nod telegram`, `nod migrate`, or `nod up` for all in one.

FROM python:3.11-slim AS build
RUN pip install --no-cache-dir 'uv>=0.9.17'
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
WORKDIR /app
# The dependencies are a layer of their own: a change of our code does not install them again.
COPY pyproject.toml uv.lock README.md ./
RUN uv sync --locked --no-dev --no-install-project
COPY bots bots
COPY core core
COPY runners runners
COPY storage storage
RUN uv sync --locked --no-dev --no-editable

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home nod && install --directory --owner nod --mode 700 /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 NOD_DATA_DIR=/data NOD_LOG_FORMAT=json
USER nod
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["nod"]
CMD ["up"]
