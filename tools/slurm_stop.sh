#!/usr/bin/env bash
# Ends what tools/slurm_start.sh DIR started, by the numbers that it noted.
SLURM_CONF=$1/slurm.conf timeout 10 scancel --user="$(id -un)" 2>/dev/null || true # jobs that still run
tac "$1/pids" | while read -r pid; do kill "$pid" 2>/dev/null || true; done
if [ -e "$1/linked" ]; then rm -f /etc/slurm/slurm.conf; fi
