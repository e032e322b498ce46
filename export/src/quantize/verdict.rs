//! Whether a quantised network is still the network that was trained, by thresholds that anybody can read.

use serde::Serialize;

use super::Drift;

/// What a quantised network has to keep of the float32 one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Requirements {
    /// Outputs above the noise of eight bits, in decibels.
    pub least_signal_to_noise_db: f64,
    /// Median angle between the rotations, in degrees.
    pub most_rotation_deg: f64,
    /// Images whose class becomes another, in percent; of the object, and of each transformation that the network tells of.
    pub most_class_changes_percent: f64,
}

impl Default for Requirements {
    /// A trained network keeps about 30 dB, a degree, and all but a few classes in a thousand. These are far from that:
    /// noise of a third of the outputs, a seventh of a right angle, one class in five.
    fn default() -> Self {
        Self { least_signal_to_noise_db: 10.0, most_rotation_deg: 13.0, most_class_changes_percent: 20.0 }
    }
}

impl Requirements {
    /// What is lost, in words; `None` for a network that keeps enough.
    pub fn complaint(&self, drift: &Drift) -> Option<String> {
        let mut lost = vec![];
        let decibels = drift.signal_to_noise_db;
        if decibels.is_nan() || decibels < self.least_signal_to_noise_db {
            lost.push(format!("outputs {decibels:.1} dB above the noise (at least {})", self.least_signal_to_noise_db));
        }
        if let Some(angle) = drift.rotation_median_deg.filter(|angle| angle.is_nan() || *angle > self.most_rotation_deg)
        {
            lost.push(format!("rotations {angle:.1} degrees apart in the median (at most {})", self.most_rotation_deg));
        }
        let changes = drift.class_changes_percent.filter(|percent| *percent > self.most_class_changes_percent);
        if let Some(percent) = changes {
            let most = self.most_class_changes_percent;
            lost.push(format!("another class for {percent:.1} % of the images (at most {most} %)"));
        }
        let most = self.most_class_changes_percent;
        let lost_transformations = drift.transformation_changes_percent.iter().filter(|(_, percent)| **percent > most);
        lost.extend(lost_transformations.map(|(transformation, percent)| {
            format!("another class of '{transformation}' for {percent:.1} % of the images (at most {most} %)")
        }));
        (!lost.is_empty()).then(|| format!("eight bits lose too much of this network: {}", lost.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn a_network_that_lost_its_answers_is_told_apart_from_one_that_kept_them() {
        let drift = |signal_to_noise_db: f64, rotation: Option<f64>, changes: Option<f64>| Drift {
            signal_to_noise_db,
            rotation_median_deg: rotation,
            rotation_largest_deg: rotation,
            class_changes_percent: changes,
            transformation_changes_percent: BTreeMap::new(),
        };
        let complaint = |drift| Requirements::default().complaint(&drift);
        assert_eq!(complaint(drift(29.2, Some(0.94), Some(0.0))), None);
        assert_eq!(complaint(drift(10.0, Some(13.0), Some(20.0))), None);
        assert_eq!(complaint(drift(f64::MAX, None, None)), None);
        assert_eq!(
            complaint(drift(-2.8, Some(66.6), Some(90.6))).unwrap(),
            "eight bits lose too much of this network: outputs -2.8 dB above the noise (at least 10), rotations 66.6 \
             degrees apart in the median (at most 13), another class for 90.6 % of the images (at most 20 %)"
        );
        for lost in [drift(9.9, None, None), drift(f64::NAN, None, None), drift(30.0, Some(14.0), None)] {
            assert!(complaint(lost.clone()).is_some(), "{lost:?}");
        }
        let turned = |percent: f64| {
            let transformation_changes_percent = BTreeMap::from([("quarter-turns".to_string(), percent)]);
            complaint(Drift { transformation_changes_percent, ..drift(29.2, None, None) })
        };
        assert_eq!(turned(20.0), None);
        assert_eq!(
            turned(71.9).unwrap(),
            "eight bits lose too much of this network: another class of 'quarter-turns' for 71.9 % of the images (at most \
             20 %)"
        );
        let strict = Requirements { least_signal_to_noise_db: 35.0, ..Requirements::default() };
        assert!(strict.complaint(&drift(29.2, Some(0.94), Some(0.0))).is_some());
    }
}
