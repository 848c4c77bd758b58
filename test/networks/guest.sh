#!/bin/bash
# The first process of a machine: a kernel of its own on this machine's files, which it can only read. Its name, address
# and folder are on the kernel's command line.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/run/home
mount -t proc proc /proc
mount -t sysfs sys /sys
for folder in /run /mnt /var/lib /var/log; do mount -t tmpfs tmpfs $folder; done
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts /dev/shm /run/home /run/sshd /run/lock /mnt/disk /mnt/shared /var/lib/nfs/{rpc_pipefs,sm,sm.bak,v4recovery,nfsdcltrack}
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
for word in $(cat /proc/cmdline); do case $word in name=*) name=${word#*=} ;; address=*) address=${word#*=} ;; at=*) at=${word#*=} ;; esac; done
echo "$at/modprobe" >/proc/sys/kernel/modprobe
hostname "$name"
echo "$name" | md5sum | cut -c1-32 >/run/machine-id
mount --bind /run/machine-id /etc/machine-id
for file in .bashrc .profile; do mount --bind /dev/null /root/$file 2>/dev/null; done
ip link set lo up
ip link set vec0 up
ip addr add "$address/24" dev vec0
cp "$at/key.pub" /run/authorized
cp "$at/host-key" /run/host-key
chmod 600 /run/authorized /run/host-key
/usr/sbin/sshd -h /run/host-key -o AuthorizedKeysFile=/run/authorized -o StrictModes=no -o PermitRootLogin=yes -o UsePAM=no -o UseDNS=no -o MaxStartups=100 -o MaxSessions=100
echo "READY $name"
while :; do sleep 3600; done
