//! Where the archive is: files by name, in a folder or in an object store of the S3 protocol.
//!
//! A file is complete or absent: the folder gets it by a rename after fsync, the object store by one PUT.
use crate::s3::Bucket;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

pub enum Store {
    Folder(PathBuf),
    S3(Bucket),
}

impl Store {
    /// `url` is a folder, or `s3://bucket/prefix`. The error states what is wrong with it.
    pub fn open(url: &str) -> Result<Store, String> {
        match url.strip_prefix("s3://") {
            Some(bucket) => Bucket::from_environment(bucket).map(Store::S3),
            None => Ok(Store::Folder(PathBuf::from(url))),
        }
    }

    /// Stores a file. It survives a crash of the machine once this returns.
    pub async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), String> {
        match self {
            Store::Folder(folder) => {
                let path = folder.join(name);
                let shown = path.display().to_string();
                in_background(move || write_file(&path, &bytes))
                    .await
                    .map_err(|error| format!("cannot write {shown}: {error}"))
            }
            Store::S3(bucket) => bucket.put(name, bytes).await,
        }
    }

    /// The bytes of a file; `None` if there is none.
    pub async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Store::Folder(folder) => {
                let path = folder.join(name);
                let shown = path.display().to_string();
                let read = in_background(move || match fs::read(&path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                    read => read.map(Some),
                });
                read.await.map_err(|error| format!("cannot read {shown}: {error}"))
            }
            Store::S3(bucket) => bucket.get(name).await,
        }
    }

    /// Names of the files in a folder of the archive, without the folder.
    pub async fn list(&self, folder_name: &str) -> Result<Vec<String>, String> {
        match self {
            Store::Folder(folder) => {
                let path = folder.join(folder_name);
                let shown = path.display().to_string();
                in_background(move || list_folder(&path))
                    .await
                    .map_err(|error| format!("cannot list {shown}: {error}"))
            }
            Store::S3(bucket) => bucket.list(folder_name).await,
        }
    }

    /// Deletes a file. It need not exist.
    pub async fn delete(&self, name: &str) -> Result<(), String> {
        match self {
            Store::Folder(folder) => {
                let path = folder.join(name);
                let shown = path.display().to_string();
                let delete = in_background(move || match fs::remove_file(path) {
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    deleted => deleted,
                });
                delete.await.map_err(|error| format!("cannot delete {shown}: {error}"))
            }
            Store::S3(bucket) => bucket.delete(name).await,
        }
    }
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(std::io::Error::other(error)))
}

fn write_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Process ids keep two writers apart. A file that a killed process left is overwritten or ignored.
    let partial = path.with_extension(format!("{}.partial", std::process::id()));
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&partial);
        return Err(error);
    }
    fs::rename(&partial, path)?;
    File::open(folder)?.sync_all()
}

fn list_folder(path: &Path) -> std::io::Result<Vec<String>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !name.ends_with(".partial") {
            names.push(name);
        }
    }
    Ok(names)
}
