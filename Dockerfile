# Not built by this project's CI, which has no container engine: read it before you rely on it.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN sed -n '/^uv==/,/# via/p' requirements.lock > uv.txt && pip install --no-cache-dir --require-hashes -r uv.txt
# the lock holds the tools of development too; they stay unused in the image. The reader of HEIC is taken out: its codecs
# are under the GPL, and who wants them in an image decides that (docs/decisions/0013-libraries.md)
RUN python -m venv /opt/rma && uv pip install --python /opt/rma/bin/python --require-hashes -r requirements.lock \
    && uv pip uninstall --python /opt/rma/bin/python pillow-heif
COPY rma rma
COPY workflows workflows
COPY alembic alembic
RUN uv pip install --python /opt/rma/bin/python --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/rma rma
COPY --from=build /opt/rma /opt/rma
USER rma
ENV RMA_DATA_DIR=/var/lib/rma RMA_HOST=0.0.0.0
EXPOSE 8000
CMD ["/opt/rma/bin/rma", "serve", "--host", "0.0.0.0", "--port", "8000"]
