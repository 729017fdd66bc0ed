# shellcheck shell=bash
# What an installation says, and where it keeps things. Sourced by install.sh, its checks and its steps. Each path can be
# given by the environment, so that the steps also run in a throw-away root.

LITELLM_HOME=${LITELLM_HOME:-/opt/litellm}
LITELLM_ETC=${LITELLM_ETC:-/etc/litellm}
LITELLM_DATA=${LITELLM_DATA:-/mnt/litellm-data}
LITELLM_STATE=${LITELLM_STATE:-/var/lib/litellm}
export LITELLM_HOME LITELLM_ETC LITELLM_DATA LITELLM_STATE

# Goes to the journal and to cloud-init's log: never a secret.
say() { printf '%s\n' "$*" >&2; }

# What happened, then the next step, and the end.
fail() {
  say "FAILED: $1"
  [[ -z ${2-} ]] || say "  Next: $2"
  exit 1
}

# Writes standard input to $1 with mode $2, whole or not at all.
write_file() {
  local target=$1 mode=$2 unfinished
  unfinished=$(mktemp "$(dirname "$target")/.unfinished.XXXXXX")
  cat >"$unfinished"
  chmod "$mode" "$unfinished"
  sync "$unfinished"
  mv "$unfinished" "$target"
}

# The value of the variable $2 in the file $1, or nothing. The file is data: it is never run.
read_variable() {
  [[ -f $1 ]] || return 0
  sed -n "s/^$2=//p" "$1" | tail -n 1
}

# Gives the file $1 to owner $2, where there is somebody to give it to: a throw-away root keeps its own.
give_to() {
  [[ $(id -u) != 0 ]] || chown "$2" "$1"
}

# As litellm-stack.service calls it; stack.env may switch profiles on.
compose() {
  COMPOSE_PROFILES=$(read_variable "$LITELLM_ETC/stack.env" COMPOSE_PROFILES) \
    docker compose --project-directory "$LITELLM_HOME" --file "$LITELLM_HOME/compose.yml" \
    --env-file "$LITELLM_ETC/images.lock.env" "$@"
}
