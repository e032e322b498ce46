//! Extensions of glTF that a file says nobody may do without.

/// Those that are read, and those that change neither the shape nor the colours of a still picture.
const HARMLESS: [&str; 14] = [
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_node_visibility",
    "EXT_mesh_gpu_instancing",
    "KHR_lights_punctual",
    "KHR_xmp",
    "KHR_xmp_json_ld",
    "KHR_animation_pointer",
    "EXT_mesh_features",
    "EXT_structural_metadata",
    "CESIUM_RTC",
    "CESIUM_primitive_outline",
    "EXT_lights_image_based",
    "MSFT_lod",
];

/// Formats of pictures that are not read: they cost the texture, which a warning names, and not the mesh.
pub const PICTURE_FORMATS: [(&str, &str); 4] = [
    ("KHR_texture_basisu", "KTX2"),
    ("EXT_texture_webp", "WebP"),
    ("EXT_texture_avif", "AVIF"),
    ("MSFT_texture_dds", "DDS"),
];

/// Nothing, when a file that requires these extensions can be drawn.
///
/// # Errors
/// Names all that stand in the way, and what to try.
pub fn check_required(required: &[String]) -> Result<(), String> {
    let is_read = |name: &str| {
        // Materials: what of them is not drawn leaves the base colour.
        HARMLESS.contains(&name)
            || name.starts_with("KHR_materials_")
            || PICTURE_FORMATS.iter().any(|(extension, _)| *extension == name)
    };
    let unread: Vec<String> =
        required.iter().filter(|name| !is_read(name)).map(|name| name.escape_debug().to_string()).collect();
    if unread.is_empty() {
        return Ok(());
    }
    let compressed = unread.iter().any(|name| name.contains("compression"));
    let remedy = if compressed { "without compression" } else { "as plain glTF 2.0, without them" };
    Err(format!("it requires extensions that are not read ({}); export the mesh {remedy}", unread.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_drawn_is_named_with_a_remedy() {
        let check = |names: &[&str]| check_required(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(check(&["KHR_mesh_quantization", "KHR_materials_unlit", "KHR_texture_basisu"]), Ok(()));
        let error = check(&["KHR_draco_mesh_compression", "KHR_mesh_quantization", "ACME_holes"]).expect_err("unread");
        assert!(error.contains("(KHR_draco_mesh_compression, ACME_holes)"), "{error}");
        assert!(error.ends_with("without compression"), "{error}");
        assert!(check(&["ACME_holes"]).expect_err("unread").ends_with("without them"));
    }
}
