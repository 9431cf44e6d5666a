package protomap

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// get returns the field of m with a number, which its type is known to have.
func get(m protoreflect.Message, n protoreflect.FieldNumber) (protoreflect.FieldDescriptor, protoreflect.Value) {
	fd := m.Descriptor().Fields().ByNumber(n)
	return fd, m.Get(fd)
}

// message writes m by its shape.
func (e *encoder) message(m protoreflect.Message) error {
	switch s := shapeOf(m.Descriptor()); s {
	case plain:
	case anyShape:
		return e.any(m)
	case structShape:
		fd, v := get(m, 1)
		return e.entries(fd, v.Map())
	case listShape:
		fd, v := get(m, 1)
		return e.list(fd, v.List())
	case valueShape:
		fd := m.WhichOneof(m.Descriptor().Oneofs().Get(0))
		if fd == nil {
			return errors.New("a Value without a kind")
		}
		return e.singular(fd, m.Get(fd))
	case wrapperShape:
		return e.singular(get(m, 1))
	case maskShape:
		_, v := get(m, 1)
		text, err := formatMask(v.List())
		if err != nil {
			return err
		}
		return e.text(text)
	case dateShape, durationShape:
		_, seconds := get(m, 1)
		_, nanos := get(m, 2)
		return e.time(s, seconds.Int(), int32(nanos.Int())) //nolint:gosec // the field is an int32
	}
	return e.plain(m, "")
}

func (e *encoder) time(s shape, seconds int64, nanos int32) error {
	if s == durationShape {
		if err := checkDuration(seconds, nanos); err != nil {
			return err
		}
		return e.text(formatDuration(seconds, nanos))
	}
	if err := checkDate(seconds, nanos); err != nil {
		return err
	}
	e.w.Date(seconds, nanos)
	return nil
}

func (e *encoder) typeURL(url string) error {
	if err := e.key(typeKey); err != nil {
		return err
	}
	return e.text(url)
}

// any writes the message that an Any holds.
func (e *encoder) any(m protoreflect.Message) error {
	_, url := get(m, 1)
	_, value := get(m, 2)
	if url.String() == "" {
		if len(value.Bytes()) > 0 {
			return errors.New("an Any with a value and no type")
		}
		return e.plain(m, "") // nothing is set
	}
	mt, err := protoregistry.GlobalTypes.FindMessageByURL(url.String())
	if err != nil {
		return fmt.Errorf("an Any of %s, which is not linked in", quote([]byte(url.String())))
	}
	held := mt.New()
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(value.Bytes(), held.Interface()); err != nil {
		return fmt.Errorf("an Any whose value is no %s: %w", mt.Descriptor().FullName(), err)
	}
	if shapeOf(mt.Descriptor()) == plain {
		return e.plain(held, url.String())
	}
	if err := e.openMap(2); err != nil {
		return err
	}
	if err := e.typeURL(url.String()); err != nil {
		return err
	}
	if err := e.key(valueKey); err != nil {
		return err
	}
	if err := e.message(held); err != nil {
		return err
	}
	e.end()
	return nil
}
