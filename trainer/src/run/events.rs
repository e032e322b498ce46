use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;
use sextant_runtime::contract::run_folder::EVENTS_PREFIX;

use super::RunError;

/// Scalars for TensorBoard: a file `events.out.tfevents.*` of length-prefixed, checksummed `Event` messages.
#[derive(Debug)]
pub struct EventWriter {
    path: PathBuf,
    file: File,
}

impl EventWriter {
    /// A new file in a folder. With the step that a run resumes from, TensorBoard forgets later ones in older files.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(folder: &Path, resumed_from: Option<u64>) -> Result<Self, RunError> {
        let (path, file) = new_file(folder, now_s() as u64)?;
        let mut writer = Self { path, file };
        writer.write(&Event { file_version: Some("brain.Event:2".to_owned()), ..Event::now(0) })?;
        if let Some(step) = resumed_from {
            writer.write(&Event { session_log: Some(SESSION_START), ..Event::now(step + 1) })?;
        }
        Ok(writer)
    }

    /// Adds the figures of a step.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn scalars(&mut self, step: u64, figures: &[(&str, f64)]) -> Result<(), RunError> {
        self.write(&Event { summary: Some(Summary::of(figures)), ..Event::now(step) })
    }

    fn write(&mut self, event: &Event) -> Result<(), RunError> {
        self.file.write_all(&record(&event.encode_to_vec())).map_err(RunError::io(&self.path))
    }
}

/// The first free name of this second.
fn new_file(folder: &Path, second: u64) -> Result<(PathBuf, File), RunError> {
    let mut number = 0;
    loop {
        let path = folder.join(format!("{EVENTS_PREFIX}{second:010}.sextant.{number}"));
        match File::create_new(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            opened => return opened.map_err(RunError::io(&path)).map(|file| (path.clone(), file)),
        }
    }
}

fn now_s() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// `tensorflow.Event`, of the fields that are written here. What is `optional` is written even where it is 0.
#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, optional, tag = "1")]
    wall_time: Option<f64>,
    #[prost(int64, optional, tag = "2")]
    step: Option<i64>,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    session_log: Option<SessionLog>,
}

/// `tensorflow.Summary`.
#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

/// `tensorflow.Summary.Value`.
#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// `tensorflow.SessionLog`.
#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// TensorBoard forgets older events from the step on that a session starts at.
const SESSION_START: SessionLog = SessionLog { status: 1 };

impl Event {
    fn now(step: u64) -> Self {
        Self { wall_time: Some(now_s()), step: i64::try_from(step).ok(), ..Self::default() }
    }
}

impl Summary {
    fn of(figures: &[(&str, f64)]) -> Self {
        let value = |&(name, figure): &(&str, f64)| Value { tag: name.to_owned(), simple_value: Some(figure as f32) };
        Self { value: figures.iter().map(value).collect() }
    }
}

/// TFRecord: length, its checksum, message, its checksum.
fn record(message: &[u8]) -> Vec<u8> {
    let length = (message.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked_crc32c(&length).to_le_bytes());
    record.extend(message);
    record.extend(masked_crc32c(message).to_le_bytes());
    record
}

/// As TFRecord masks checksums, so that a checksum of checksums is not degenerate.
fn masked_crc32c(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli), reflected polynomial 0x82f63b78.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| shift(crc)))
}

fn shift(crc: u32) -> u32 {
    if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_rfc_3720() {
        let ascending: Vec<u8> = (0..32).collect();
        let cases: [(&[u8], u32); 4] = [
            (b"123456789", 0xe306_9283),
            (&[0; 32], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&ascending, 0x46dd_794e),
        ];
        for (bytes, crc) in cases {
            assert_eq!(crc32c(bytes), crc, "{bytes:?}");
        }
    }

    #[test]
    fn messages_have_these_bytes() {
        let at = |wall_time: f64, step: i64| Event { wall_time: Some(wall_time), step: Some(step), ..Event::default() };
        let scalar = Event { summary: Some(Summary::of(&[("loss", 1.5)])), ..at(2.0, 300) }.encode_to_vec();
        let expected = [
            &[0x09, 0, 0, 0, 0, 0, 0, 0, 0x40][..], // wall_time = 2.0
            &[0x10, 0xac, 0x02],                    // step = 300
            &[0x2a, 13, 0x0a, 11],                  // summary { value {
            &[0x0a, 4, b'l', b'o', b's', b's'],     // tag
            &[0x15, 0, 0, 0xc0, 0x3f],              // simple_value = 1.5
        ];
        assert_eq!(scalar, expected.concat());
        let start = Event { session_log: Some(SESSION_START), ..at(0.0, 7) }.encode_to_vec();
        assert_eq!(start, [&[0x09][..], &[0; 8], &[0x10, 7, 0x3a, 2, 0x08, 1]].concat());
        let nothing = Event { summary: Some(Summary::of(&[("x", 0.0)])), ..at(0.0, 0) }.encode_to_vec();
        assert_eq!(nothing[9..], [0x10, 0, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'x', 0x15, 0, 0, 0, 0]);
    }

    #[test]
    fn files_are_records_with_checksums_and_never_share_a_name() {
        let folder = tempfile::tempdir().unwrap();
        EventWriter::create(folder.path(), None).unwrap();
        let mut resumed = EventWriter::create(folder.path(), Some(7)).unwrap();
        resumed.scalars(8, &[("loss", 0.5), ("pose_deg", 12.0)]).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        let bytes = std::fs::read(&resumed.path).unwrap();
        assert_eq!(messages(&bytes).len(), 3);
        assert_eq!(messages(&bytes)[0][11..], *b"\x1a\x0dbrain.Event:2");
        assert_eq!(messages(&bytes)[1][9..], [0x10, 8, 0x3a, 2, 0x08, 1]);
    }

    fn messages(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            let (length, rest) = bytes.split_at(8);
            let message = &rest[4..][..u64::from_le_bytes(length.try_into().unwrap()) as usize];
            assert_eq!(rest[..4], masked_crc32c(length).to_le_bytes());
            assert_eq!(rest[4 + message.len()..][..4], masked_crc32c(message).to_le_bytes());
            messages.push(message);
            bytes = &rest[8 + message.len()..];
        }
        messages
    }
}
