//! A small disk that a server has for itself, so that it can be full: a tmpfs.
//!
//! Promises: what is filled is free again after `free`, and the disk is gone when its handle is
//! dropped. Mounting one takes root; who may not is told so, and nothing is left out in silence.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is written at a time: much, as long as there is room for it.
const CHUNKS: [usize; 2] = [1 << 20, 1 << 12];

/// A disk of its own.
pub struct Disk(PathBuf);

impl Disk {
    /// An empty one of so many bytes, mounted at a directory that is made for it.
    pub fn mount(at: &Path, bytes: u64) -> Self {
        std::fs::create_dir_all(at).expect("a directory can be made");
        let size = format!("size={bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "earmark-test"]).arg(at);
        let mounted = mount.output().expect("`mount` can be run");
        let why = String::from_utf8_lossy(&mounted.stderr);
        assert!(
            mounted.status.success(),
            "a server needs a small disk of its own, so that it can be full, and none can be \
             mounted: {why}. That takes root (CAP_SYS_ADMIN): run this as root"
        );
        Self(at.to_owned())
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let opened = OpenOptions::new().create(true).append(true).open(self.ballast());
        let mut ballast = match opened {
            Ok(ballast) => ballast,
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("the disk cannot be filled: {error}"),
        };
        CHUNKS.iter().for_each(|bytes| write_until_full(&mut ballast, &vec![0; *bytes]));
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("what fills the disk can be deleted");
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }
}

fn write_until_full(ballast: &mut File, chunk: &[u8]) {
    loop {
        match ballast.write(chunk) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("the disk cannot be filled: {error}"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Nothing is left to do when it fails: the test is over.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
