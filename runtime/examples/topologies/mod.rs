//! MLPerf Tiny's networks as lists; whoever builds them says of what.

/// ResNet-8's blocks: name, channels and stride.
pub const RESNET8: [(&str, usize, u16); 3] = [("stack1", 16, 1), ("stack2", 32, 2), ("stack3", 64, 2)];

/// Channels and stride of MobileNetV1's depthwise separable layers, a quarter as wide (visual wake words).
pub const VWW: [(usize, u16); 13] = [
    (16, 1),
    (32, 2),
    (32, 1),
    (64, 2),
    (64, 1),
    (128, 2),
    (128, 1),
    (128, 1),
    (128, 1),
    (128, 1),
    (128, 1),
    (256, 2),
    (256, 1),
];
