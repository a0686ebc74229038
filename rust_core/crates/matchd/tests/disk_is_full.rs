//! A journal on a small disk: what does not fit is named, what was acknowledged is kept, and the exchange goes on
//! when there is space again. Needs root, for a file system in memory; without root it is skipped.
mod support;
use cift_engine::*;
use cift_testbed::{eventually, free_port, get};
use cift_wire::*;
use std::path::{Path, PathBuf};
use std::process::Command as Process;
use support::*;

/// A file system in memory. It is unmounted when the test ends.
struct SmallDisk(PathBuf);
impl SmallDisk {
    fn mount(megabytes: u32) -> Option<SmallDisk> {
        let path = std::env::temp_dir().join(format!("cift-small-disk-{}", std::process::id()));
        std::fs::create_dir_all(&path).ok()?;
        let mounted = Process::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(&path)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(SmallDisk(path)),
            _ => {
                println!("skipped: a tmpfs cannot be mounted without root");
                None
            }
        }
    }
    /// Fills the disk. Returns the file to delete.
    fn fill(&self) -> PathBuf {
        let ballast = self.0.join("ballast");
        let mut file = std::fs::File::create(&ballast).unwrap();
        let chunk = vec![1; 64 * 1024];
        while std::io::Write::write_all(&mut file, &chunk).is_ok() {}
        ballast
    }
}
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Process::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn temporary_files_in(path: &Path) {
    std::env::set_var("TMPDIR", path);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_named_and_what_was_acknowledged_survives_a_full_disk() {
    let Some(disk) = SmallDisk::mount(48) else { return };
    temporary_files_in(&disk.0);
    let mut deployment = Deployment::new().await;
    let port = free_port();
    let metrics = [("CIFT_MATCHD_METRICS", format!("127.0.0.1:{port}"))];
    let mut matchd = deployment.start_matchd(&metrics); // its journal would take 1 GiB
    let problem = eventually("matchd reports why it cannot start", || async {
        let (status, text) = get(port, "/ready").await?;
        (status == 503 && text.contains("CIFT_JOURNAL_MAX_BYTES")).then_some(text)
    })
    .await;
    assert!(problem.contains("1073741824 bytes"), "{problem}");
    matchd.kill();

    deployment.max_bytes = 12 << 20;
    let _matchd = deployment.start_matchd(&metrics);
    let client = deployment.client().await;
    deployment.leader(&client, "").await;
    open_market(&client, 2).await;
    let ballast = disk.fill();
    let mut acknowledged = Vec::new();
    for request in 0..400 {
        let numbers: Vec<u128> = (1 + request * 50..=50 + request * 50).collect();
        let orders: Vec<Command> = numbers
            .iter()
            .map(|&number| Command::PlaceOrder(limit(number, account(1), Side::Buy, 400)))
            .collect();
        let results = submit(&client, &orders).await;
        let done = results.is_some_and(|results| results.iter().all(|result| result.status == Status::Done));
        if !done {
            break;
        }
        acknowledged.extend(numbers);
    }
    assert!(acknowledged.len() < 20_000, "the disk is not full");

    std::fs::remove_file(ballast).unwrap();
    deployment.nats.restart().await; // NATS stops its streams on a full disk until it is started again
    deployment.leader(&client, "").await;
    for chunk in acknowledged.chunks(50) {
        let orders: Vec<Command> = chunk
            .iter()
            .map(|&number| Command::PlaceOrder(limit(number, account(1), Side::Buy, 400)))
            .collect();
        for result in submit(&client, &orders).await.expect("a reply") {
            assert_eq!(
                result.status,
                Status::Repeated,
                "an acknowledged order was lost: {result:?}"
            );
        }
    }
    let next = Command::PlaceOrder(limit(1_000_000, account(1), Side::Buy, 400));
    eventually("orders are accepted again", || async {
        let result = submit(&client, &[next]).await?.remove(0);
        matches!(result.status, Status::Done | Status::Repeated).then_some(())
    })
    .await;
    deployment.verify();
}
