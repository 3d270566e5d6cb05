# The wheel and its dependencies are put together in one stage and run in another.
FROM python:3.13-slim AS builder
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/slugline \
    && /opt/slugline/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY app app
COPY migrations migrations
RUN /opt/slugline/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home slugline \
    && install --directory --owner slugline /data
COPY --from=builder /opt/slugline /opt/slugline
ENV PATH=/opt/slugline/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SLUGLINE_DATABASE_URL=sqlite:////data/slugline.db
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["slugline"]
CMD ["serve", "--host", "0.0.0.0"]
