#!/usr/bin/env bash
# Ends what tools/slurm_start.sh DIR started, by the numbers that it noted.
tac "$1/pids" | while read -r pid; do kill "$pid" 2>/dev/null || true; done
if [ -e "$1/linked" ]; then rm -f /etc/slurm/slurm.conf; fi
