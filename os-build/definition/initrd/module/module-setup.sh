#!/bin/bash
# Dracut's side of what the initrd does besides finding the root: a factory reset, the data partition, /etc, the deadline.
check() { return 0; }
depends() { echo systemd systemd-repart systemd-cryptsetup; }
install() {
    inst_multiple mount umount mkdir chmod cat grep cp mkfs.ext4 e2fsck tune2fs udevadm systemd-id128 systemd-cryptsetup reboot halt \
        tail tr mv rm cryptsetup partx readlink blkid ln mountpoint
    inst_script "$moddir/piccolo-own" /usr/sbin/piccolo-own
    inst_libdir_file "libcryptsetup.so.*" "libfdisk.so.*"
    inst_simple /usr/lib/repart.d/50-data.conf
    inst_simple "$moddir/repart.conf" "$systemdsystemunitdir/systemd-repart.service.d/10-piccolo.conf"
    inst_simple "$moddir/deadline.conf" "$systemdsystemunitdir/initrd.target.d/10-deadline.conf"
    local unit
    for unit in piccolo-data piccolo-etc; do
        inst_simple "$moddir/$unit.service" "$systemdsystemunitdir/$unit.service"
        inst_script "$moddir/$unit" "/usr/sbin/$unit"
        mkdir -p "$initdir$systemdsystemunitdir/initrd-fs.target.requires"
        ln_r "$systemdsystemunitdir/$unit.service" "$systemdsystemunitdir/initrd-fs.target.requires/$unit.service"
    done
    # of a device that runs from memory
    inst_multiple chmod cmp cryptsetup dd head losetup modprobe sed stat systemd-cryptenroll timeout veritysetup
    for unit in dev-loop0.device dev-loop1.device; do
        inst_simple "$moddir/loops.conf" "$systemdsystemunitdir/$unit.d/10-piccolo.conf"
    done
    for unit in piccolo-ram piccolo-volume; do
        inst_simple "$moddir/$unit.service" "$systemdsystemunitdir/$unit.service"
        inst_script "$moddir/$unit" "/usr/sbin/$unit"
    done
    mkdir -p "$initdir$systemdsystemunitdir/sysinit.target.wants"
    ln_r "$systemdsystemunitdir/piccolo-ram.service" "$systemdsystemunitdir/sysinit.target.wants/piccolo-ram.service"
    for unit in piccolo-guard piccolo-reset; do
        inst_simple "$moddir/$unit.service" "$systemdsystemunitdir/$unit.service"
        inst_script "$moddir/$unit" "/usr/sbin/$unit"
    done
    mkdir -p "$initdir$systemdsystemunitdir/initrd-root-fs.target.wants"
    for unit in piccolo-guard piccolo-reset systemd-repart; do
        ln_r "$systemdsystemunitdir/$unit.service" "$systemdsystemunitdir/initrd-root-fs.target.wants/$unit.service"
    done
}
