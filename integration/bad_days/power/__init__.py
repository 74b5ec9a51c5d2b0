"""A disk whose power can be cut: a file system in user space that forgets what was not made durable.

    async with disk(folder / "state") as made:      # mounted there until the block ends
        ...                                         # processes write, sync, rename as they like
        await made.cut(seed)                        # and find, after their next start, what survived

It speaks the kernel's FUSE protocol itself, as root, so that a test needs no library for it
(docs/adr/0016).

What it promises is what POSIX does, and no more; that is less than ext4, XFS or btrfs give:
* **Bytes** are durable by fsync, fdatasync or a synchronous write of their file, in whatever way they came:
  write, truncate, a shared mapping. Syncing bytes makes no name durable, not even that of a new file.
* **Names** (create, link, rename, unlink, mkdir, rmdir) are durable by fsync of the folder. A rename is one
  step, between two folders as well; syncing either makes it durable.
* At a cut, of every file that was not synced, each sector of 512 bytes or page of 4 KiB that changed is
  there in its newest state, in an older one since the last sync, or, where the file grew, as zeros; its
  length is the old, the new, or one between. A file that was cut shorter may be whole again.
* At a cut, of each folder some first part of its changes is there; folders know nothing of each other's
  order. So a file may have its name without its bytes, and one in another folder may be as it was before.
* Times and inode numbers tell nothing of what survived.

Never happens here: bytes of other files, damage to what was synced, a page that lies. That is rot
(`bad_days.rot`).
"""
