# shellcheck shell=sh
# env.sh - where the things that scripts/setup installs are. Source it; it changes nothing on disk.
# Not a place for settings of the services: those come from the environment, see --help of each.

SAGA_HOME=${SAGA_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/order-saga}
SAGA_KAFKA_VERSION=4.3.1
# librdkafka and yyjson, as set-up has built them
SAGA_DEPS=$SAGA_HOME/deps
# the jars of the broker
SAGA_KAFKA=$SAGA_HOME/kafka-$SAGA_KAFKA_VERSION
# its classes as Java has them in memory: a broker starts in half the time
SAGA_KAFKA_CLASSES=$SAGA_KAFKA.jsa
SAGA_VENV=$SAGA_HOME/venv
SAGA_PYTHON=$SAGA_VENV/bin/python
# what lints the API documents
SAGA_LINT=$SAGA_HOME/lint
# what lints metrics and alerts
SAGA_PROMTOOL=$SAGA_HOME/promtool/promtool
PYTHONDONTWRITEBYTECODE=1
export SAGA_HOME SAGA_KAFKA_VERSION SAGA_DEPS SAGA_KAFKA SAGA_KAFKA_CLASSES SAGA_VENV SAGA_PYTHON
export SAGA_LINT SAGA_PROMTOOL PYTHONDONTWRITEBYTECODE

# Ours first, so that a system library that is too old is never picked up; once only.
if [ -d "$SAGA_DEPS/lib/pkgconfig" ]; then
    case ":${PKG_CONFIG_PATH:-}:" in
    *":$SAGA_DEPS/lib/pkgconfig:"*) ;;
    *) PKG_CONFIG_PATH=$SAGA_DEPS/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} ;;
    esac
    export PKG_CONFIG_PATH
fi
