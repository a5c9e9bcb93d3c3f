#!/usr/bin/env bash
# A throwaway Slurm on this machine, for the tests of `photonflow submit`: two emulated
# nodes on loopback with real munge, everything in one folder, no systemd, no cgroups.
#
#   scripts/slurm_local.sh start DIR [NODES]
#   export SLURM_CONF=DIR/slurm.conf
#   sbatch ...; squeue; scancel ...
#   scripts/slurm_local.sh stop DIR
#
# It runs as root, as the daemons want it, and needs slurmctld, slurmd, slurm-client and
# munge. Memory limits and CPU binding are not enforced: behaviour can be tried here,
# speed cannot.
set -euo pipefail

usage() { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
command=$1 nodes=${3:-2}
mkdir -p "$2"
dir=$(readlink -f "$2")
export SLURM_CONF=$dir/slurm.conf

# A port that nothing listens on; two clusters of one machine must not meet.
free_port() {
  local port
  for _ in $(seq 100); do
    port=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  echo "slurm_local.sh: no free port" >&2
  exit 1
}

configure() {
  local host control first
  host=$(hostname -s) control=$(free_port) first=$(free_port)
  cat >"$SLURM_CONF" <<C
ClusterName=photonflow
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$control
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A short life of credentials also shortens the wait after a requeue: 6 s, not 121 s.
AuthInfo=socket=$dir/munge/s,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool/%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
SlurmctldLogFile=$dir/log/slurmctld.log
SlurmdLogFile=$dir/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_interval=1,sched_min_interval=0
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait=2
MinJobAge=60
InactiveLimit=0
ReturnToService=2
SlurmdTimeout=300
MaxArraySize=1001
CommunicationParameters=NoAddrCache
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$first-$((first + nodes - 1))] CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=0
PartitionName=high Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
C
}

start() {
  for need in munged slurmctld slurmd sinfo; do
    command -v "$need" >/dev/null || { echo "slurm_local.sh: no $need" >&2; exit 1; }
  done
  mkdir -p "$dir"/{state,spool,log,munge}
  head -c 128 /dev/urandom >"$dir/munge/key"
  chmod 700 "$dir/munge"
  chmod 600 "$dir/munge/key"
  munged --force --key-file="$dir/munge/key" --socket="$dir/munge/s" \
    --pid-file="$dir/munge/pid" --log-file="$dir/munge/log" \
    --seed-file="$dir/munge/seed" --num-threads=1
  configure
  slurmctld -c
  for i in $(seq "$nodes"); do
    mkdir -p "$dir/spool/n$i"
    slurmd -N "n$i"
  done
  for _ in $(seq 150); do
    idle=$(sinfo --noheader --Node --states=idle --format=%N 2>/dev/null | sort -u | wc -l)
    if [ "$idle" -eq "$nodes" ]; then
      sinfo
      return
    fi
    sleep 0.1
  done
  echo "slurm_local.sh: the nodes did not come up in 15 s; see $dir/log" >&2
  exit 1
}

# By pid file only: other daemons of this machine are not ours.
end() {
  local pid
  pid=$(cat "$1" 2>/dev/null) || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 50); do
    case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in Z | "") return 0 ;; esac
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
}

stop() {
  # Jobs first: a slurmd that is told to go waits for its jobs. Nothing to cancel, or a
  # controller that is gone, must not keep the rest from being stopped.
  if [ -f "$dir/slurmctld.pid" ]; then
    timeout 10 scancel --full --user="$(id -un)" 2>/dev/null || true
    for _ in $(seq 100); do
      [ -n "$(timeout 10 squeue --noheader 2>/dev/null || true)" ] || break
      sleep 0.1
    done
  fi
  for file in "$dir"/slurmd-*.pid "$dir/slurmctld.pid" "$dir/munge/pid"; do
    end "$file"
  done
}

case $command in
  start) start ;;
  stop) stop ;;
  *) usage ;;
esac
