package protomap

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// what returns what v is, for an error that says what it should be.
func (v Value) what() string {
	switch v.Kind {
	case Null:
		return "null"
	case Bool:
		return "a bool"
	case Int, Uint:
		return "an integer"
	case Float:
		return "a float"
	case Text:
		return "a text"
	case Binary:
		return "binary"
	case Date:
		return "a date"
	case List:
		return "a list"
	case Map:
		return "a map"
	case Other:
	}
	return v.Name
}

func (v Value) isNot(want string) error { return fmt.Errorf("%s, where %s should be", v.what(), want) }

// scalar returns v as a value of a field that is no message. It is not valid for the name of an enum value that is not
// known.
func scalar(fd protoreflect.FieldDescriptor, v Value) (protoreflect.Value, error) {
	switch fd.Kind() {
	case protoreflect.BoolKind:
		if v.Kind != Bool {
			return protoreflect.Value{}, v.isNot("a bool")
		}
		return protoreflect.ValueOfBool(v.Int != 0), nil
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := v.signed(32)
		return protoreflect.ValueOfInt32(int32(n)), err //nolint:gosec // it fits
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := v.signed(64)
		return protoreflect.ValueOfInt64(n), err
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := v.unsigned(32)
		return protoreflect.ValueOfUint32(uint32(n)), err //nolint:gosec // it fits
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := v.unsigned(64)
		return protoreflect.ValueOfUint64(n), err
	case protoreflect.FloatKind:
		f, err := v.float32()
		return protoreflect.ValueOfFloat32(f), err
	case protoreflect.DoubleKind:
		f, err := v.float(53)
		return protoreflect.ValueOfFloat64(f), err
	case protoreflect.StringKind:
		s, err := v.text()
		return protoreflect.ValueOfString(s), err
	case protoreflect.BytesKind:
		if v.Kind != Binary {
			return protoreflect.Value{}, v.isNot("binary")
		}
		return protoreflect.ValueOfBytes(append(make([]byte, 0, len(v.Bytes)), v.Bytes...)), nil
	case protoreflect.EnumKind:
		return enum(fd, v)
	case protoreflect.MessageKind, protoreflect.GroupKind:
	}
	return protoreflect.Value{}, v.isNot("a message")
}

// enum takes numbers, whether they have a name or not, and leaves out names that are not known.
func enum(fd protoreflect.FieldDescriptor, v Value) (protoreflect.Value, error) {
	switch v.Kind {
	case Null:
		if isNullEnum(fd) {
			return protoreflect.ValueOfEnum(0), nil
		}
	case Text:
		name, err := v.text()
		if err != nil {
			return protoreflect.Value{}, err
		}
		value := fd.Enum().Values().ByName(protoreflect.Name(name))
		if value == nil {
			return protoreflect.Value{}, nil
		}
		return protoreflect.ValueOfEnum(value.Number()), nil
	case Int, Uint, Float:
		n, err := v.signed(32)
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), err //nolint:gosec // it fits
	case Other, Bool, Binary, Date, List, Map:
	}
	return protoreflect.Value{}, v.isNot("the name or number of an enum value")
}

func (v Value) text() (string, error) {
	if v.Kind != Text {
		return "", v.isNot("a text")
	}
	if !utf8.Valid(v.Bytes) {
		return "", errUTF8
	}
	return string(v.Bytes), nil
}

// signed returns v as an integer of so many bits.
func (v Value) signed(bits int) (int64, error) {
	n := v.Int
	switch v.Kind {
	case Int:
	case Uint:
		return 0, v.overflow("int", bits)
	case Float:
		switch {
		case v.Float != math.Trunc(v.Float): // also NaN
			return 0, fmt.Errorf("%v, where an integer should be", v.Float)
		case v.Float < -1<<63 || v.Float >= 1<<63:
			return 0, v.overflow("int", bits)
		}
		n = int64(v.Float)
	default:
		return 0, v.isNot("an integer")
	}
	if n>>(bits-1) != 0 && n>>(bits-1) != -1 {
		return 0, v.overflow("int", bits)
	}
	return n, nil
}

// unsigned returns v as an integer of so many bits without a sign.
func (v Value) unsigned(bits int) (uint64, error) {
	n := v.Uint
	switch v.Kind {
	case Uint:
	case Int:
		if v.Int < 0 {
			return 0, v.overflow("uint", bits)
		}
		n = uint64(v.Int)
	case Float:
		switch {
		case v.Float != math.Trunc(v.Float):
			return 0, fmt.Errorf("%v, where an integer should be", v.Float)
		case v.Float < 0 || v.Float >= 1<<64:
			return 0, v.overflow("uint", bits)
		}
		n = uint64(v.Float)
	default:
		return 0, v.isNot("an integer")
	}
	if n>>(bits-1)>>1 != 0 {
		return 0, v.overflow("uint", bits)
	}
	return n, nil
}

func (v Value) overflow(kind string, bits int) error {
	return fmt.Errorf("%s does not fit in %s%d", v.number(), kind, bits)
}

func (v Value) number() string {
	switch v.Kind {
	case Uint:
		return strconv.FormatUint(v.Uint, 10)
	case Float:
		return strconv.FormatFloat(v.Float, 'g', -1, 64)
	default:
		return strconv.FormatInt(v.Int, 10)
	}
}

// float returns v as a float whose mantissa has so many bits. Integers have to fit in it exactly.
func (v Value) float(mantissa int) (float64, error) {
	f := v.Float
	var exact bool
	switch v.Kind {
	case Float:
		return f, nil
	case Int:
		f = float64(v.Int)
		exact = f < 1<<63 && int64(f) == v.Int
	case Uint:
		f = float64(v.Uint)
		exact = f < 1<<64 && uint64(f) == v.Uint
	default:
		return 0, v.isNot("a number")
	}
	if mantissa < 53 {
		exact = exact && float64(float32(f)) == f
	}
	if !exact {
		return 0, fmt.Errorf("the integer %s does not fit exactly in a float with %d bits", v.number(), mantissa)
	}
	return f, nil
}

// float32 returns v as the nearest float32.
func (v Value) float32() (float32, error) {
	f, err := v.float(24)
	if err != nil {
		return 0, err
	}
	narrow := float32(f)
	if math.IsInf(float64(narrow), 0) && !math.IsInf(f, 0) {
		return 0, fmt.Errorf("%s does not fit in a float", v.number())
	}
	return narrow, nil
}

// mapKey returns v as the key of a map field. Keys that are numbers or bools may be texts, as they are in JSON.
func mapKey(fd protoreflect.FieldDescriptor, v Value) (protoreflect.MapKey, error) {
	if v.Kind != Text || fd.Kind() == protoreflect.StringKind {
		key, err := scalar(fd, v)
		if err != nil {
			return protoreflect.MapKey{}, err
		}
		return key.MapKey(), nil
	}
	text := string(v.Bytes)
	if fd.Kind() == protoreflect.BoolKind && (text == "true" || text == "false") {
		return protoreflect.ValueOfBool(text == "true").MapKey(), nil
	}
	number := Value{Kind: Int}
	var err error
	if strings.HasPrefix(text, "-") {
		number.Int, err = strconv.ParseInt(text, 10, 64)
	} else if number.Uint, err = strconv.ParseUint(text, 10, 64); number.Uint > math.MaxInt64 {
		number.Kind = Uint
	} else {
		number.Int = int64(number.Uint)
	}
	if err != nil || number.number() != text {
		return protoreflect.MapKey{}, fmt.Errorf("%s, where a key of the type %v should be", quote(v.Bytes), fd.Kind())
	}
	return mapKey(fd, number)
}
