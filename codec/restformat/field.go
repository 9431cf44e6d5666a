package restformat

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/status"
)

// maxDepth is how many fields deep a parameter may reach.
const maxDepth = 32

// findFields returns the fields along a path such as "sub.field", in the names of the .proto file or of JSON, or nil if
// there is no such path through single messages.
func findFields(md protoreflect.MessageDescriptor, path string) []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	for name := range strings.SplitSeq(path, ".") {
		if md == nil || len(fields) == maxDepth {
			return nil
		}
		field := md.Fields().ByName(protoreflect.Name(name))
		if field == nil {
			field = md.Fields().ByJSONName(name)
		}
		if field == nil {
			return nil
		}
		fields = append(fields, field)
		md = nil
		if isMessage(field) && !isValue(field) {
			md = field.Message()
		}
	}
	return fields
}

// pathOf returns the path of fields in the names of the .proto file.
func pathOf(fields []protoreflect.FieldDescriptor) string {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}

// isValue tells whether the elements of a field can be written as one string.
func isValue(field protoreflect.FieldDescriptor) bool {
	if field.IsMap() {
		return false
	}
	return field.Message() == nil || isWrapper(field.Message()) || isString(field.Message())
}

// isString tells whether the JSON of a message is a string.
func isString(md protoreflect.MessageDescriptor) bool {
	switch md.FullName() {
	case "google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask":
		return true
	}
	return false
}

// isWrapper tells whether the JSON of a message is that of its field "value".
func isWrapper(md protoreflect.MessageDescriptor) bool {
	switch md.FullName() {
	case "google.protobuf.DoubleValue", "google.protobuf.FloatValue", "google.protobuf.Int64Value", "google.protobuf.UInt64Value",
		"google.protobuf.Int32Value", "google.protobuf.UInt32Value", "google.protobuf.BoolValue", "google.protobuf.StringValue",
		"google.protobuf.BytesValue":
		return true
	}
	return false
}

// setField sets the last of fields in m, or appends to it if it is repeated. Unless it wins, it sets no second field of a
// oneof.
func setField(m protoreflect.Message, fields []protoreflect.FieldDescriptor, text string, wins bool) error {
	last := len(fields) - 1
	for i, field := range fields {
		if one := field.ContainingOneof(); one != nil && !wins {
			if other := m.WhichOneof(one); other != nil && other != field {
				return invalid("it excludes %q, which is set too", other.Name())
			}
		}
		if i < last {
			m = m.Mutable(field).Message()
		}
	}
	field := fields[last]
	var v protoreflect.Value
	var err error
	switch {
	case !isValue(field):
		return invalid("it is a message or a map, which has no value of its own")
	case field.Message() == nil:
		v, err = parseScalar(field, text)
	case field.IsList():
		v = m.Mutable(field).List().NewElement()
		err = parseMessage(v.Message(), text)
	default:
		v = m.NewField(field)
		err = parseMessage(v.Message(), text)
	}
	if err != nil {
		return err
	}
	if field.IsList() {
		m.Mutable(field).List().Append(v)
	} else {
		m.Set(field, v)
	}
	return nil
}

// parseMessage fills m, a message that is a value.
func parseMessage(m protoreflect.Message, text string) error {
	md := m.Descriptor()
	if isWrapper(md) {
		field := md.Fields().ByName("value")
		if field == nil || field.Message() != nil || field.IsList() {
			return status.Errorf(status.Internal, "%s is not what it is elsewhere", md.FullName())
		}
		v, err := parseScalar(field, text)
		if err == nil {
			m.Set(field, v)
		}
		return err
	}
	if strings.ContainsAny(text, `"\`) || !utf8.ValidString(text) {
		return malformed(text, md.FullName())
	}
	if err := protojson.Unmarshal([]byte(`"`+text+`"`), m.Interface()); err != nil {
		return malformed(text, md.FullName())
	}
	return nil
}

func parseScalar(field protoreflect.FieldDescriptor, text string) (v protoreflect.Value, err error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return v, invalid("%.64q is not UTF-8", text)
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.BytesKind:
		var b []byte
		b, err = decodeBytes(text)
		v = protoreflect.ValueOfBytes(b)
	case protoreflect.BoolKind:
		if text != "true" && text != "false" {
			return v, malformed(text, "bool")
		}
		return protoreflect.ValueOfBool(text == "true"), nil
	case protoreflect.EnumKind:
		return parseEnum(field.Enum(), text)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 32)
		v = protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		var n int64
		n, err = strconv.ParseInt(text, 10, 64)
		v = protoreflect.ValueOfInt64(n)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 32)
		v = protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		var n uint64
		n, err = strconv.ParseUint(text, 10, 64)
		v = protoreflect.ValueOfUint64(n)
	case protoreflect.FloatKind:
		var f float64
		f, err = parseFloat(text, 32)
		v = protoreflect.ValueOfFloat32(float32(f))
	case protoreflect.DoubleKind:
		var f float64
		f, err = parseFloat(text, 64)
		v = protoreflect.ValueOfFloat64(f)
	default:
		return v, invalid("a field of the kind %v has no value of its own", field.Kind())
	}
	if err != nil {
		return v, malformed(text, field.Kind().String())
	}
	return v, nil
}

// parseFloat parses what JSON and protobuf's mapping to it allow.
func parseFloat(text string, bits int) (float64, error) {
	switch text {
	case "NaN", "Infinity", "-Infinity":
	default:
		if strings.Trim(text, "0123456789+-.eE") != "" {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseFloat(text, bits)
}

func parseEnum(enum protoreflect.EnumDescriptor, text string) (v protoreflect.Value, err error) {
	if value := enum.Values().ByName(protoreflect.Name(text)); value != nil {
		return protoreflect.ValueOfEnum(value.Number()), nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	number := protoreflect.EnumNumber(n)
	if err != nil || enum.IsClosed() && enum.Values().ByNumber(number) == nil {
		return v, malformed(text, enum.FullName())
	}
	return protoreflect.ValueOfEnum(number), nil
}

// decodeBytes accepts both alphabets of base64, and needs no padding.
func decodeBytes(text string) ([]byte, error) {
	encoding := base64.RawStdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, base64.CorruptInputError(0)
	}
	return encoding.DecodeString(strings.TrimRight(text, "="))
}

func invalid(format string, args ...any) *status.Error {
	return status.Errorf(status.InvalidArgument, format, args...)
}

func malformed[T ~string](text string, want T) *status.Error {
	return invalid("%.64q is not a value of %s", text, want)
}
