#!/usr/bin/env bash
# A SLURM cluster of one node on this machine, loopback only, for tests/cluster. As root on Debian, some 5 seconds.
#   tools/slurm_start.sh DIR      installs SLURM if it is not there, starts it, and prints how to use it
#   tools/slurm_stop.sh DIR       ends what was started
# GPUS=2 pretends two GPUs, CPUS=4 four CPUs; PORT is the first of two ports; KILLWAIT: seconds between SIGTERM and SIGKILL.
set -euo pipefail
dir=$(realpath -m "$1") port=${PORT:-16817} gpus=${GPUS:-0} host=$(hostname -s)
packages=(slurmctld slurmd slurm-client munge)
mkdir -p "$dir"/{state,spool,log}
dpkg -s "${packages[@]}" >/dev/null 2>&1 || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
} >"$dir/log/apt.log" 2>&1
if ! munge -n </dev/null >/dev/null 2>&1; then # the package has made a key; nothing starts the daemon in a container
    install -d -o munge -g munge -m 755 /run/munge
    setpriv --reuid munge --regid munge --clear-groups /usr/sbin/munged
    cat /run/munge/munged.pid >>"$dir/pids"
fi
memory=$(awk '/MemTotal/ {print int($2 / 1024 * 0.9)}' /proc/meminfo)
cat >"$dir/slurm.conf" <<END
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerParameters=sched_interval=5
KillWait=${KILLWAIT:-30}
SlurmdParameters=config_overrides
END
gres=
if [ "$gpus" -gt 0 ]; then
    gres=" Gres=gpu:$gpus"
    echo GresTypes=gpu >>"$dir/slurm.conf"
    : >"$dir/gres.conf"
    for device in /dev/null /dev/zero /dev/full /dev/random; do
        [ "$gpus" -gt 0 ] && echo "Name=gpu File=$device" >>"$dir/gres.conf" && gpus=$((gpus - 1))
    done
fi
# getconf counts the CPUs: nproc heeds OMP_NUM_THREADS
echo "NodeName=$host CPUs=${CPUS:-$(getconf _NPROCESSORS_ONLN)} RealMemory=$memory NodeAddr=127.0.0.1$gres State=UNKNOWN" >>"$dir/slurm.conf"
echo "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP" >>"$dir/slurm.conf"
echo CgroupPlugin=cgroup/v1 >"$dir/cgroup.conf" # some containers have no /sys/fs/cgroup: slurmd would not start
export SLURM_CONF=$dir/slurm.conf
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N "$host"
for _ in $(seq 100); do
    [ -s "$dir/slurmd.pid" ] && [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && break
    sleep 0.2
done
cat "$dir/slurmctld.pid" "$dir/slurmd.pid" >>"$dir/pids"
[ "$(sinfo -h -o %T)" = idle ] || { echo "SLURM did not start: see $dir/log" >&2; exit 1; }
# Snakemake's jobs lose SLURM_CONF (snakemake-executor-plugin-slurm-jobstep 0.6.1): they need the file in its usual place
if [ ! -e /etc/slurm/slurm.conf ]; then
    mkdir -p /etc/slurm && ln -s "$dir/slurm.conf" /etc/slurm/slurm.conf && echo "$dir" >"$dir/linked"
fi
echo "export SLURM_CONF=$SLURM_CONF"
