/// Moves the hue of every pixel on by a share of the circle, from red to green to blue; value and saturation, as HSV has
/// them, stay.
pub fn shift_hue(picture: &mut [u8], share: f32) {
    let sixths = 6.0 * (share - share.floor());
    for pixel in picture.as_chunks_mut::<3>().0 {
        *pixel = shifted(*pixel, sixths);
    }
}

/// `sixths` of the circle are from 0 to 6.
fn shifted(pixel: [u8; 3], sixths: f32) -> [u8; 3] {
    let [red, green, blue] = pixel.map(f32::from);
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    let chroma = most - least;
    if chroma == 0.0 {
        return pixel;
    }
    // In sixths of the circle.
    let hue = if most == red {
        (green - blue) / chroma
    } else if most == green {
        2.0 + (blue - red) / chroma
    } else {
        4.0 + (red - green) / chroma
    };
    let hue = if hue < 0.0 { hue + 6.0 } else { hue };
    let hue = below_six(hue + sixths);
    // A channel is full within a sixth on either side of its own hue, empty beyond two, and a ramp between.
    [5.0, 3.0, 1.0].map(|offset| {
        let at = below_six(hue + offset);
        (most - chroma * at.min(4.0 - at).clamp(0.0, 1.0) + 0.5) as u8
    })
}

/// The same angle below 6, of one below 12.
fn below_six(sixths: f32) -> f32 {
    if sixths >= 6.0 { sixths - 6.0 } else { sixths }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_move_along_the_circle() {
        let cases = [
            ([255, 0, 0], 1.0 / 3.0, [0, 255, 0]),
            ([255, 0, 0], -1.0 / 3.0, [0, 0, 255]),
            ([255, 0, 0], 0.25, [128, 255, 0]),
            ([255, 0, 0], 0.5, [0, 255, 255]),
            // 30 degrees, chroma 100; at 120 degrees the ramps end.
            ([150, 100, 50], 0.25, [50, 150, 50]),
            // 220 degrees; at 130 degrees blue has risen by a sixth of the chroma.
            ([20, 60, 140], -0.25, [20, 140, 40]),
            ([90, 90, 90], 0.3, [90, 90, 90]),
            ([7, 200, 31], 0.0, [7, 200, 31]),
            ([7, 200, 31], 1.0, [7, 200, 31]),
        ];
        for (pixel, share, expected) in cases {
            let mut found = pixel;
            shift_hue(&mut found, share);
            assert_eq!(found, expected, "{pixel:?} by {share}");
        }
    }
}
