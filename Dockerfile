# The warehouse and Airflow in one image; docker-compose.yml runs it in five roles. A package mirror is given from
# outside: docker compose build --build-arg PIP_INDEX_URL=...

FROM python:3.11-slim-bookworm AS build
ARG PIP_INDEX_URL
COPY requirements.lock .
# The lock holds every dependency with its hash; wheels only, so nothing is compiled or run.
RUN python -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: -r requirements.lock

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_HOME=/opt/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/gmw/dags \
    GMW_HOME=/var/lib/gmw \
    GX_ANALYTICS_ENABLED=false \
    DBT_SEND_ANONYMOUS_USAGE_STATS=false
# An empty airflow.cfg: settings come from the environment, and Airflow writes none of its own with keys in it.
# Named volumes take over the owner of these folders.
RUN groupadd --gid 10001 gmw \
 && useradd --uid 10001 --gid gmw --no-create-home --home-dir /tmp --shell /usr/sbin/nologin gmw \
 && mkdir -p /opt/airflow \
 && touch /opt/airflow/airflow.cfg \
 && install -d -o gmw -g gmw -m 0750 /var/lib/gmw /var/lib/gmw/exports /var/log/gmw
COPY --from=build /opt/venv /opt/venv
COPY . /opt/gmw
# Editable: the package finds the dbt project beside it. The code belongs to root, the process cannot change it.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --no-index --editable /opt/gmw \
 && pip check
# There is no git in the image: each publication says which code made it by this name.
ARG GMW_CODE_VERSION
ENV GMW_CODE_VERSION=$GMW_CODE_VERSION
WORKDIR /opt/gmw
USER 10001:10001
CMD ["gmw", "--help"]
