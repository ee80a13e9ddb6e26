//! Everything that a store has, as files again.

use std::path::{Component, Path};

use futures_util::TryStreamExt as _;
use object_store::{ObjectStore as _, ObjectStoreExt as _};

use crate::{Destination, ShipError};

/// Copies every object below the destination to a file of the same name below the directory. Returns their names.
pub async fn fetch(destination: &Destination, directory: &Path) -> Result<Vec<String>, ShipError> {
    let prefix = destination.prefix.clone();
    let listed = destination
        .store
        .list(Some(&prefix))
        .try_collect::<Vec<_>>();
    let listed = listed
        .await
        .map_err(destination.fault("list", "what it has"))?;
    let mut names = Vec::new();
    for meta in listed {
        let Some(parts) = meta.location.prefix_match(&prefix) else {
            continue;
        };
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        let name = parts.join("/");
        // A name that leads out of the directory was not put there by a shipper.
        let is_inside = Path::new(&name)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        if !is_inside {
            continue;
        }
        let object = destination.store.get(&meta.location).await;
        let object = object.map_err(destination.fault("show", &name))?;
        let bytes = object.bytes().await;
        let bytes = bytes.map_err(destination.fault("show", &name))?;
        write(&directory.join(&name), &bytes).await?;
        names.push(name);
    }
    names.sort();
    Ok(names)
}

async fn write(path: &Path, bytes: &[u8]) -> Result<(), ShipError> {
    if let Some(parent) = path.parent() {
        tokio::fs::create_dir_all(parent)
            .await
            .map_err(ShipError::io("make directory", parent))?;
    }
    tokio::fs::write(path, bytes)
        .await
        .map_err(ShipError::io("write", path))
}
