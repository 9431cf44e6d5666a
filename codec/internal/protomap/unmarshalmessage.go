package protomap

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// message reads m by its shape. v is its beginning.
func (d decoder) message(m protoreflect.Message, v Value) error {
	fields := m.Descriptor().Fields()
	switch s := shapeOf(m.Descriptor()); s {
	case plain:
	case anyShape:
		if v.Kind != Map {
			return v.isNot("a map")
		}
		return d.any(m)
	case structShape:
		if v.Kind != Map {
			return v.isNot("a map")
		}
		fd := fields.ByNumber(1)
		return d.entries(fd, m.Mutable(fd).Map())
	case listShape:
		if v.Kind != List {
			return v.isNot("a list")
		}
		fd := fields.ByNumber(1)
		return d.list(fd, m.Mutable(fd).List())
	case valueShape:
		return d.value(m, v)
	case wrapperShape:
		value, err := scalar(fields.ByNumber(1), v)
		if err == nil {
			m.Set(fields.ByNumber(1), value)
		}
		return err
	case dateShape, durationShape:
		seconds, nanos, err := v.time(s)
		if err == nil {
			m.Set(fields.ByNumber(1), protoreflect.ValueOfInt64(seconds))
			m.Set(fields.ByNumber(2), protoreflect.ValueOfInt32(nanos))
		}
		return err
	case maskShape:
		if v.Kind != Text {
			return v.isNot("a text")
		}
		return parseMask(v.Bytes, m.Mutable(fields.ByNumber(1)).List())
	}
	if v.Kind != Map {
		return v.isNot("a map")
	}
	return d.eachKey(d.fieldOf(m))
}

func (v Value) time(s shape) (seconds int64, nanos int32, err error) {
	switch {
	case s == durationShape && v.Kind == Text:
		return parseDuration(v.Bytes)
	case s == durationShape:
		return 0, 0, v.isNot("a text")
	case v.Kind == Text:
		return parseDate(v.Bytes)
	case v.Kind == Date:
		return v.Int, v.Nanos, checkDate(v.Int, v.Nanos)
	}
	return 0, 0, v.isNot("a date")
}

// The fields of google.protobuf.Value.
const (
	nullField   = 1
	numberField = 2
	stringField = 3
	boolField   = 4
	structField = 5
	listField   = 6
)

// value reads a google.protobuf.Value.
func (d decoder) value(m protoreflect.Message, v Value) error {
	fields := m.Descriptor().Fields()
	switch v.Kind {
	case Null:
		m.Set(fields.ByNumber(nullField), protoreflect.ValueOfEnum(0))
		return nil
	case Map:
		return d.message(m.Mutable(fields.ByNumber(structField)).Message(), v)
	case List:
		return d.message(m.Mutable(fields.ByNumber(listField)).Message(), v)
	case Int, Uint, Float:
		return setScalar(m, fields.ByNumber(numberField), v)
	case Text:
		return setScalar(m, fields.ByNumber(stringField), v)
	case Bool:
		return setScalar(m, fields.ByNumber(boolField), v)
	case Other, Binary, Date:
	}
	return v.isNot("null, a bool, a number, a text, a list or a map")
}

func setScalar(m protoreflect.Message, fd protoreflect.FieldDescriptor, v Value) error {
	value, err := scalar(fd, v)
	if err == nil {
		m.Set(fd, value)
	}
	return err
}

// maxLate is how many Anys may be open within each other that do not begin with their types. Each is read twice.
const maxLate = 4

// any reads the message that an Any holds, of the type that stands under one of its keys.
func (d decoder) any(m protoreflect.Message) error {
	url, place, err := findType(d.r.Clone())
	if err != nil {
		return err
	}
	if url == "" {
		return d.eachKey(d.skipEntry)
	}
	if place > 0 {
		d.late++
	}
	if d.late > maxLate {
		return fmt.Errorf("more than %d Anys within each other that do not begin with %s", maxLate, typeKey)
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByURL(url)
	if err != nil {
		return fmt.Errorf("an Any of %s, which is not linked in", quote([]byte(url)))
	}
	held := mt.New()
	if shapeOf(mt.Descriptor()) == plain {
		err = d.eachKeyOfAny(d.fieldOf(held))
	} else {
		err = d.wrapped(held, d.eachKeyOfAny)
	}
	if err != nil {
		return err
	}
	value, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(held.Interface())
	if err != nil {
		return fmt.Errorf("an Any of %s: %w", mt.Descriptor().FullName(), err)
	}
	m.Set(m.Descriptor().Fields().ByNumber(1), protoreflect.ValueOfString(url))
	m.Set(m.Descriptor().Fields().ByNumber(2), protoreflect.ValueOfBytes(value))
	return nil
}

// eachKeyOfAny is eachKey without the type that stands beside the fields.
func (d decoder) eachKeyOfAny(entry func(key Value) error) error {
	found := false
	return d.eachKey(func(key Value) error {
		if !key.is(typeKey) {
			return entry(key)
		}
		if found {
			return errTwice(typeKey)
		}
		found = true
		return d.skipEntry(key)
	})
}

// findType returns the type that stands in a map that r has opened, and how many entries stand before it. The type is ""
// if the map is empty.
func findType(r Reader) (url string, place int, err error) {
	for ; ; place++ {
		more, err := r.More()
		switch {
		case err != nil:
			return "", 0, err
		case !more && place == 0:
			return "", 0, nil
		case !more:
			return "", 0, errors.New("an Any without " + typeKey)
		}
		key, err := r.Key()
		if err != nil {
			return "", 0, err
		}
		if key.is(typeKey) {
			break
		}
		if err := (decoder{r: r}).skipEntry(key); err != nil {
			return "", 0, err
		}
	}
	v, err := r.Value()
	if err != nil {
		return "", 0, err
	}
	url, err = v.text()
	if err == nil && url == "" {
		err = fmt.Errorf("the key %q is empty", typeKey)
	}
	return url, place, err
}
