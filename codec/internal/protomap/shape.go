package protomap

import "google.golang.org/protobuf/reflect/protoreflect"

// A shape is how messages of a type are laid out.
type shape uint8

const (
	plain         shape = iota // a map of fields
	anyShape                   // a map with the type of a message and its fields or value
	structShape                // a map of values
	listShape                  // a list of values
	valueShape                 // null, a scalar, a map or a list
	wrapperShape               // the value that it wraps
	dateShape                  // a date
	durationShape              // a text: "1.5s"
	maskShape                  // a text: "name,address.city"
)

func shapeOf(md protoreflect.MessageDescriptor) shape {
	switch md.FullName() {
	case "google.protobuf.Any":
		return anyShape
	case "google.protobuf.Struct":
		return structShape
	case "google.protobuf.ListValue":
		return listShape
	case "google.protobuf.Value":
		return valueShape
	case "google.protobuf.BoolValue", "google.protobuf.Int32Value", "google.protobuf.Int64Value",
		"google.protobuf.UInt32Value", "google.protobuf.UInt64Value", "google.protobuf.FloatValue",
		"google.protobuf.DoubleValue", "google.protobuf.StringValue", "google.protobuf.BytesValue":
		return wrapperShape
	case "google.protobuf.Timestamp":
		return dateShape
	case "google.protobuf.Duration":
		return durationShape
	case "google.protobuf.FieldMask":
		return maskShape
	}
	return plain
}

// isMap tells whether messages of the shape are maps, whatever they hold.
func (s shape) isMap() bool {
	return s == plain || s == anyShape || s == structShape
}

// takesNull tells whether null is a value of the field, and does not mean that the field is absent.
func takesNull(fd protoreflect.FieldDescriptor) bool {
	if md := fd.Message(); md != nil {
		return md.FullName() == "google.protobuf.Value"
	}
	return isNullEnum(fd)
}

func isNullEnum(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.EnumKind && fd.Enum().FullName() == "google.protobuf.NullValue"
}
