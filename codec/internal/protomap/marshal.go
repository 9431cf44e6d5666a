package protomap

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	typeKey  = "@type" // of the type of the message that an Any holds
	valueKey = "value" // of a message that is no map, where there has to be a map
)

// Marshal writes m. The same message gives the same values: fields in the order of the .proto file, then extensions by
// name, entries of maps by their keys.
func Marshal(w Writer, m proto.Message) error {
	if err := proto.CheckInitialized(m); err != nil {
		return err
	}
	e := &encoder{w: w}
	return e.message(m.ProtoReflect())
}

// MarshalMap is [Marshal] for an encoding whose outermost value is a map: what is none, such as a StringValue, is the
// value of the key "value".
func MarshalMap(w Writer, m proto.Message) error {
	if shapeOf(m.ProtoReflect().Descriptor()).isMap() {
		return Marshal(w, m)
	}
	e := &encoder{w: w, depth: 1}
	w.Map(1)
	if err := e.key(valueKey); err != nil {
		return err
	}
	if err := e.message(m.ProtoReflect()); err != nil {
		return err
	}
	w.End()
	return nil
}

type encoder struct {
	w     Writer
	depth int
	found []field // of the messages that are being written, each from where its parent's end
}

type field struct {
	fd    protoreflect.FieldDescriptor
	value protoreflect.Value
}

func (e *encoder) openMap(entries int) error {
	if e.depth++; e.depth > MaxDepth {
		return errDepth
	}
	e.w.Map(entries)
	return nil
}

func (e *encoder) openList(elements int) error {
	if e.depth++; e.depth > MaxDepth {
		return errDepth
	}
	e.w.List(elements)
	return nil
}

func (e *encoder) end() {
	e.depth--
	e.w.End()
}

func (e *encoder) key(name string) error {
	return e.w.Key(protoreflect.StringKind, protoreflect.ValueOfString(name).MapKey())
}

func (e *encoder) text(s string) error {
	if !utf8.ValidString(s) {
		return errUTF8
	}
	e.w.Scalar(protoreflect.StringKind, protoreflect.ValueOfString(s))
	return nil
}

// plain writes the fields of m that are set, and before them, if m stands in an Any, its type.
func (e *encoder) plain(m protoreflect.Message, typeURL string) error {
	start := len(e.found)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		e.found = append(e.found, field{fd: fd, value: v})
		return true
	})
	found := e.found[start:]
	slices.SortFunc(found, compareFields)
	entries := len(found)
	if typeURL != "" {
		entries++
	}
	if err := e.openMap(entries); err != nil {
		return err
	}
	if typeURL != "" {
		if err := e.typeURL(typeURL); err != nil {
			return err
		}
	}
	for _, f := range found {
		if err := e.key(fieldName(f.fd)); err != nil {
			return err
		}
		if err := e.field(f.fd, f.value); err != nil {
			return inField(f.fd, err)
		}
	}
	e.found = e.found[:start]
	e.end()
	return nil
}

func compareFields(a, b field) int {
	switch x, y := a.fd.IsExtension(), b.fd.IsExtension(); {
	case x && y:
		return strings.Compare(string(a.fd.FullName()), string(b.fd.FullName()))
	case x:
		return 1
	case y:
		return -1
	}
	return cmp.Compare(a.fd.Index(), b.fd.Index())
}

func (e *encoder) field(fd protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch {
	case fd.IsList():
		return e.list(fd, v.List())
	case fd.IsMap():
		return e.entries(fd, v.Map())
	}
	return e.singular(fd, v)
}

func (e *encoder) list(fd protoreflect.FieldDescriptor, list protoreflect.List) error {
	if err := e.openList(list.Len()); err != nil {
		return err
	}
	for i := range list.Len() {
		if err := e.singular(fd, list.Get(i)); err != nil {
			return inElement(i, err)
		}
	}
	e.end()
	return nil
}

func (e *encoder) entries(fd protoreflect.FieldDescriptor, entries protoreflect.Map) error {
	if err := e.openMap(entries.Len()); err != nil {
		return err
	}
	keys := make([]protoreflect.MapKey, 0, entries.Len())
	entries.Range(func(key protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, key)
		return true
	})
	kind := fd.MapKey().Kind()
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return compareKeys(kind, a, b) })
	for _, key := range keys {
		if err := e.entry(kind, key, fd.MapValue(), entries.Get(key)); err != nil {
			return inEntry(key, err)
		}
	}
	e.end()
	return nil
}

func (e *encoder) entry(
	kind protoreflect.Kind, key protoreflect.MapKey, fd protoreflect.FieldDescriptor, v protoreflect.Value,
) error {
	if kind == protoreflect.StringKind && !utf8.ValidString(key.String()) {
		return errUTF8
	}
	if err := e.w.Key(kind, key); err != nil {
		return err
	}
	return e.singular(fd, v)
}

func compareKeys(kind protoreflect.Kind, a, b protoreflect.MapKey) int {
	switch kind {
	case protoreflect.BoolKind:
		switch {
		case a.Bool() == b.Bool():
			return 0
		case b.Bool():
			return -1
		}
		return 1
	case protoreflect.StringKind:
		return strings.Compare(a.String(), b.String())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return cmp.Compare(a.Uint(), b.Uint())
	default:
		return cmp.Compare(a.Int(), b.Int())
	}
}

func (e *encoder) singular(fd protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch kind := fd.Kind(); kind {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return e.message(v.Message())
	case protoreflect.StringKind:
		return e.text(v.String())
	case protoreflect.EnumKind:
		return e.enum(fd, v.Enum())
	default:
		e.w.Scalar(kind, v)
		return nil
	}
}

// enum writes the name of a number that has one.
func (e *encoder) enum(fd protoreflect.FieldDescriptor, n protoreflect.EnumNumber) error {
	if n == 0 && isNullEnum(fd) {
		e.w.Null()
		return nil
	}
	if value := fd.Enum().Values().ByNumber(n); value != nil {
		return e.text(string(value.Name()))
	}
	e.w.Scalar(protoreflect.Int32Kind, protoreflect.ValueOfInt32(int32(n)))
	return nil
}

var errUTF8 = errors.New("the text is not UTF-8")
