package protomap

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Unmarshal replaces what m holds by the next value of r.
func Unmarshal(r Reader, m proto.Message) error {
	proto.Reset(m)
	d := decoder{r: r}
	if err := d.next(m.ProtoReflect()); err != nil {
		return err
	}
	return proto.CheckInitialized(m)
}

// UnmarshalMap is [Unmarshal] for what [MarshalMap] wrote.
func UnmarshalMap(r Reader, m proto.Message) error {
	if shapeOf(m.ProtoReflect().Descriptor()).isMap() {
		return Unmarshal(r, m)
	}
	proto.Reset(m)
	d := decoder{r: r}
	v, err := r.Value()
	if err != nil {
		return err
	}
	if v.Kind != Map {
		return v.isNot("a map")
	}
	return d.wrapped(m.ProtoReflect(), d.eachKey)
}

type decoder struct {
	r    Reader
	late int // how many of the Anys that are open do not begin with their types
}

// next reads the next value into m.
func (d decoder) next(m protoreflect.Message) error {
	v, err := d.r.Value()
	if err != nil {
		return err
	}
	return d.message(m, v)
}

// wrapped reads m from under the key "value" of a map, whose keys each gives.
func (d decoder) wrapped(m protoreflect.Message, each func(entry func(key Value) error) error) error {
	found := false
	err := each(func(key Value) error {
		if !key.is(valueKey) {
			return d.skipEntry(key)
		}
		if found {
			return errTwice(valueKey)
		}
		found = true
		return d.next(m)
	})
	if err == nil && !found {
		err = fmt.Errorf("there is no key %q", valueKey)
	}
	return err
}

func errTwice(key string) error { return fmt.Errorf("the key %q stands there twice", key) }

// eachKey reads the keys of a map that was opened, and calls entry, which reads the value, for each.
func (d decoder) eachKey(entry func(key Value) error) error {
	for {
		more, err := d.r.More()
		if err != nil || !more {
			return err
		}
		key, err := d.r.Key()
		if err != nil {
			return err
		}
		if err := entry(key); err != nil {
			return err
		}
	}
}

// skipEntry reads over the rest of an entry whose key nobody knows.
func (d decoder) skipEntry(key Value) error {
	if err := Skip(d.r, key); err != nil {
		return err
	}
	return skipNext(d.r)
}

func (v Value) is(text string) bool { return v.Kind == Text && string(v.Bytes) == text }

// fieldOf returns a function that reads the entries of a map as fields of m.
func (d decoder) fieldOf(m protoreflect.Message) func(key Value) error {
	var seen fieldSet
	return func(key Value) error {
		fd, err := findField(m.Descriptor(), key)
		if err != nil {
			return err
		}
		if fd == nil {
			return d.skipEntry(key)
		}
		if !seen.add(fd.Number()) {
			return inField(fd, errors.New("the field stands there twice"))
		}
		return inField(fd, d.field(m, fd))
	}
}

// findField returns the field that a key means, or nil if it is not known.
func findField(md protoreflect.MessageDescriptor, key Value) (protoreflect.FieldDescriptor, error) {
	switch key.Kind {
	case Text:
		name := string(key.Bytes)
		if fd := md.Fields().ByJSONName(name); fd != nil {
			return fd, nil
		}
		if fd := md.Fields().ByTextName(name); fd != nil {
			return fd, nil
		}
		if extension, ok := strings.CutPrefix(name, "["); ok && strings.HasSuffix(extension, "]") {
			full := protoreflect.FullName(extension[:len(extension)-1])
			xt, _ := protoregistry.GlobalTypes.FindExtensionByName(full)
			return checkExtension(md, xt)
		}
		return nil, nil
	case Int:
		n := protoreflect.FieldNumber(key.Int) //nolint:gosec // the next line checks it
		if int64(n) != key.Int || !n.IsValid() {
			return nil, nil
		}
		if fd := md.Fields().ByNumber(n); fd != nil {
			return fd, nil
		}
		xt, _ := protoregistry.GlobalTypes.FindExtensionByNumber(md.FullName(), n)
		return checkExtension(md, xt)
	case Uint:
		return nil, nil
	default:
		return nil, fmt.Errorf("%s, where the name or number of a field should be", key.what())
	}
}

// checkExtension returns the descriptor of an extension, or nil if it is not linked in.
func checkExtension(md protoreflect.MessageDescriptor, xt protoreflect.ExtensionType) (protoreflect.FieldDescriptor, error) {
	if xt == nil {
		return nil, nil
	}
	fd := xt.TypeDescriptor()
	if fd.ContainingMessage().FullName() != md.FullName() || !md.ExtensionRanges().Has(fd.Number()) {
		return nil, fmt.Errorf("%s does not extend %s", fd.FullName(), md.FullName())
	}
	return fd, nil
}

// A fieldSet holds the numbers of the fields that were read.
type fieldSet struct {
	low  uint64
	high map[protoreflect.FieldNumber]bool
}

// add adds n and tells whether it was not there.
func (s *fieldSet) add(n protoreflect.FieldNumber) bool {
	if n < 64 {
		had := s.low&(1<<n) != 0
		s.low |= 1 << n
		return !had
	}
	if s.high == nil {
		s.high = make(map[protoreflect.FieldNumber]bool)
	}
	had := s.high[n]
	s.high[n] = true
	return !had
}

func (d decoder) field(m protoreflect.Message, fd protoreflect.FieldDescriptor) error {
	v, err := d.r.Value()
	if err != nil {
		return err
	}
	if v.Kind == Null && (fd.Cardinality() == protoreflect.Repeated || !takesNull(fd)) {
		return nil
	}
	if oneof := fd.ContainingOneof(); oneof != nil && m.WhichOneof(oneof) != nil {
		return fmt.Errorf("another field of the oneof %s is set", oneof.Name())
	}
	switch {
	case fd.IsList():
		if v.Kind != List {
			return v.isNot("a list")
		}
		return d.list(fd, m.Mutable(fd).List())
	case fd.IsMap():
		if v.Kind != Map {
			return v.isNot("a map")
		}
		return d.entries(fd, m.Mutable(fd).Map())
	case fd.Message() != nil:
		return d.message(m.Mutable(fd).Message(), v)
	}
	value, err := scalar(fd, v)
	if err == nil && value.IsValid() {
		m.Set(fd, value)
	}
	return err
}

func (d decoder) list(fd protoreflect.FieldDescriptor, list protoreflect.List) error {
	for i := 0; ; i++ {
		more, err := d.r.More()
		if err != nil || !more {
			return err
		}
		v, err := d.r.Value()
		if err != nil {
			return inElement(i, err)
		}
		var value protoreflect.Value
		if fd.Message() == nil {
			value, err = scalar(fd, v)
		} else {
			value = list.NewElement()
			err = d.message(value.Message(), v)
		}
		if err != nil {
			return inElement(i, err)
		}
		if value.IsValid() {
			list.Append(value)
		}
	}
}

func (d decoder) entries(fd protoreflect.FieldDescriptor, entries protoreflect.Map) error {
	return d.eachKey(func(k Value) error {
		key, err := mapKey(fd.MapKey(), k)
		if err != nil {
			return err
		}
		if entries.Has(key) {
			return inEntry(key, errors.New("the key stands there twice"))
		}
		return inEntry(key, d.entry(fd.MapValue(), entries, key))
	})
}

func (d decoder) entry(fd protoreflect.FieldDescriptor, entries protoreflect.Map, key protoreflect.MapKey) error {
	if fd.Message() != nil {
		value := entries.NewValue()
		if err := d.next(value.Message()); err != nil {
			return err
		}
		entries.Set(key, value)
		return nil
	}
	v, err := d.r.Value()
	if err != nil {
		return err
	}
	value, err := scalar(fd, v)
	if err == nil && value.IsValid() {
		entries.Set(key, value)
	}
	return err
}
