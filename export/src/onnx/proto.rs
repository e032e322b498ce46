//! The part of ONNX's protocol-buffer messages that a network needs.
//!
//! Field numbers are those of `onnx.proto3` in the ONNX repository. Fields that are not listed are skipped when a
//! file is read. Scalars of an attribute are optional because ONNX's checker counts which of them are present.

/// A whole file.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ModelProto {
    /// Version of the file format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// Name of the program that wrote the file.
    #[prost(string, tag = "2")]
    pub producer_name: String,
    /// Version of that program.
    #[prost(string, tag = "3")]
    pub producer_version: String,
    /// The network.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// Versions of the operator sets in use.
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSetIdProto>,
    /// Free key/value pairs.
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<StringStringEntryProto>,
}

/// An operator set and its version.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OperatorSetIdProto {
    /// Empty for ONNX's own operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// Version of the set.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// A key and its value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StringStringEntryProto {
    /// Unique in its list.
    #[prost(string, tag = "1")]
    pub key: String,
    /// UTF-8 text.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// Nodes in topological order, with their constants.
#[derive(Clone, PartialEq, prost::Message)]
pub struct GraphProto {
    /// Operators.
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<NodeProto>,
    /// Name of the network.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants.
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<TensorProto>,
    /// What the caller gives.
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfoProto>,
    /// What the caller gets.
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfoProto>,
    /// Types of inner values; we never write any, because a stale one misleads its readers.
    #[prost(message, repeated, tag = "13")]
    pub value_info: Vec<ValueInfoProto>,
}

/// One operator application.
#[derive(Clone, PartialEq, prost::Message)]
pub struct NodeProto {
    /// Names of the values it reads; an empty name is an input left out.
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    /// Names of the values it makes.
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    /// For people.
    #[prost(string, tag = "3")]
    pub name: String,
    /// For example `Conv`.
    #[prost(string, tag = "4")]
    pub op_type: String,
    /// Constants of the operator.
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<AttributeProto>,
    /// Operator set; empty for ONNX's own.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// A named constant of a node.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AttributeProto {
    /// For example `strides`.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Value of type [`ATTRIBUTE_FLOAT`].
    #[prost(float, optional, tag = "2")]
    pub f: Option<f32>,
    /// Value of type [`ATTRIBUTE_INT`].
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    /// Value of type [`ATTRIBUTE_INTS`].
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub ints: Vec<i64>,
    /// Which field holds the value.
    #[prost(int32, tag = "20")]
    pub r#type: i32,
}

/// [`AttributeProto::type`] of a float.
pub const ATTRIBUTE_FLOAT: i32 = 1;
/// [`AttributeProto::type`] of an integer.
pub const ATTRIBUTE_INT: i32 = 2;
/// [`AttributeProto::type`] of a list of integers.
pub const ATTRIBUTE_INTS: i32 = 7;

/// A constant.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorProto {
    /// Shape, outermost first.
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub dims: Vec<i64>,
    /// One of [`TENSOR_FLOAT`], [`TENSOR_UINT8`], [`TENSOR_INT64`] and others.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// Unique in its graph.
    #[prost(string, tag = "8")]
    pub name: String,
    /// Row-major, little-endian values.
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

/// [`TensorProto::data_type`] of `f32`.
pub const TENSOR_FLOAT: i32 = 1;
/// [`TensorProto::data_type`] of `u8`.
pub const TENSOR_UINT8: i32 = 2;
/// [`TensorProto::data_type`] of `i8`.
pub const TENSOR_INT8: i32 = 3;
/// [`TensorProto::data_type`] of `i32`.
pub const TENSOR_INT32: i32 = 6;
/// [`TensorProto::data_type`] of `i64`.
pub const TENSOR_INT64: i32 = 7;

/// Name and type of an input or output.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ValueInfoProto {
    /// Unique in its graph.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Element type and shape.
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<TypeProto>,
}

/// Type of a value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TypeProto {
    /// Set when the value is a dense tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor_type: Option<TensorTypeProto>,
}

/// Element type and shape of a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorTypeProto {
    /// As [`TensorProto::data_type`].
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    /// Unknown when absent.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<TensorShapeProto>,
}

/// A shape of numbers and symbols.
#[derive(Clone, PartialEq, prost::Message)]
pub struct TensorShapeProto {
    /// Outermost first.
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<DimensionProto>,
}

/// One extent.
#[derive(Clone, PartialEq, prost::Message)]
pub struct DimensionProto {
    /// Unknown when absent.
    #[prost(oneof = "Dimension", tags = "1, 2")]
    pub value: Option<Dimension>,
}

/// An extent that is known, or one that is named.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Dimension {
    /// A number of elements.
    #[prost(int64, tag = "1")]
    Value(i64),
    /// A symbol such as `N`.
    #[prost(string, tag = "2")]
    Symbol(String),
}
