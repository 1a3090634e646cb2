#!/bin/sh
# Runs a command with the secrets that are named as files: DBT_ENV_SECRET_X_FILE=/run/secrets/x becomes DBT_ENV_SECRET_X.
# The value is in the environment of the command alone, never in the image and never printed.
set -eu
for name in DBT_ENV_SECRET_PG_PASSWORD DBT_ENV_SECRET_BQ_TOKEN AWS_SECRET_ACCESS_KEY; do
    eval "file=\${${name}_FILE:-}"
    [ -n "$file" ] || continue
    if ! value=$(cat -- "$file" 2>/dev/null); then
        echo "error ${name}_FILE=$file: it cannot be read by user $(id -u). Mount the file, and let this user read it." >&2
        exit 2
    fi
    export "$name=$value"
    unset "${name}_FILE"
done
exec "$@"
