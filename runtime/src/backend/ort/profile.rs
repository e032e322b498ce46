//! Which provider ran which node, from the profile that ONNX Runtime writes of a run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::string::{String, ToString};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io};

use serde_json::Value;

use super::super::NodesByProvider;

/// A folder for one profile, which goes away with it.
#[derive(Debug)]
pub(super) struct ProfileFolder {
    path: PathBuf,
}

impl ProfileFolder {
    /// A new one among the system's temporary files.
    pub fn new() -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(std::format!("sextant-profile-{}-{number}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// How the name of the profile's file starts.
    pub fn file_prefix(&self) -> PathBuf {
        self.path.join("run")
    }
}

impl Drop for ProfileFolder {
    fn drop(&mut self) {
        // What is left among temporary files is no reason to fail.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The nodes that the profile of a run in that file has, by provider.
pub(super) fn nodes_of_file(path: &Path) -> Result<NodesByProvider, String> {
    let text = fs::read(path).map_err(|error| std::format!("{}: {error}", path.display()))?;
    nodes(&text)
}

/// A node may run several times, and has an event each time; older versions also note when it waits.
fn nodes(profile: &[u8]) -> Result<NodesByProvider, String> {
    let events: Value = serde_json::from_slice(profile).map_err(|error| error.to_string())?;
    let events = events.as_array().ok_or("the profile is no list of events")?;
    let ran = events.iter().filter_map(|event| {
        let name = event["name"].as_str()?.strip_suffix("_kernel_time")?;
        let is_node = event["cat"] == "Node";
        event["args"]["provider"].as_str().filter(|_| is_node).map(|provider| (provider, name))
    });
    let ran: BTreeSet<(&str, &str)> = ran.collect();
    let mut nodes = NodesByProvider::new();
    for (provider, _) in ran {
        *nodes.entry(provider.to_string()).or_default() += 1;
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_counted_once_each() {
        let event = |category: &str, name: &str, provider: &str| {
            std::format!(
                r#"{{"cat": "{category}", "name": "{name}", "args": {{"op_name": "Conv", "provider": "{provider}"}}}}"#
            )
        };
        let events = [
            r#"{"cat": "Session", "name": "model_run", "args": {}}"#.to_string(),
            event("Node", "a_fence_before", "CPUExecutionProvider"),
            event("Node", "a_kernel_time", "CPUExecutionProvider"),
            event("Node", "a_kernel_time", "CPUExecutionProvider"),
            event("Node", "b_kernel_time", "CPUExecutionProvider"),
            event("Node", "c_kernel_time", "OpenVINOExecutionProvider"),
            event("Api", "d_kernel_time", "OpenVINOExecutionProvider"),
            r#"{"cat": "Node", "name": "e_kernel_time", "args": {}}"#.to_string(),
        ];
        let found = nodes(std::format!("[{}]", events.join(",\n")).as_bytes()).unwrap();
        let expected = [("CPUExecutionProvider", 2), ("OpenVINOExecutionProvider", 1)];
        assert_eq!(found, expected.map(|(name, count)| (name.to_string(), count)).into());
        assert!(nodes(b"[]").unwrap().is_empty());
        for broken in [&b""[..], b"[{", b"{}", b"\xff"] {
            assert!(nodes(broken).is_err());
        }
    }

    #[test]
    fn folders_are_new_and_go_away() {
        let [one, other] = [ProfileFolder::new().unwrap(), ProfileFolder::new().unwrap()];
        assert_ne!(one.file_prefix(), other.file_prefix());
        let path = one.path.clone();
        fs::write(one.file_prefix(), b"profile").unwrap();
        drop(one);
        assert!(!path.exists() && other.path.exists());
    }
}
