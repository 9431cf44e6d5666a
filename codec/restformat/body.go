package restformat

import (
	"bytes"
	"encoding/json"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// A content is a body with its type.
type content struct {
	mediaType string
	bytes     []byte
}

// setBody replaces what msg holds by what the body of a request says.
func (b *binding) setBody(c codec.Codec, msg proto.Message, in content) error {
	m := msg.ProtoReflect()
	if b.body == wholeBody && !isHTTPBody(m.Descriptor()) && len(in.bytes) > 0 {
		return c.Unmarshal(in.bytes, msg)
	}
	proto.Reset(msg)
	switch {
	case b.body == "" && len(in.bytes) > 0:
		return invalid("%s %s takes no body", b.verb, b.path)
	case b.body == wholeBody && isHTTPBody(m.Descriptor()):
		setHTTPBody(m, in)
		return nil
	case b.body == "" || b.body == wholeBody:
		return nil
	}
	field := bodyField(m.Descriptor(), b.body)
	if field == nil {
		return noField(m, b.body)
	}
	return setBodyField(c, m, field, in)
}

func setBodyField(c codec.Codec, m protoreflect.Message, field protoreflect.FieldDescriptor, in content) error {
	v := m.NewField(field)
	switch {
	case isMessage(field) && isHTTPBody(field.Message()):
		setHTTPBody(v.Message(), in)
	case len(in.bytes) == 0:
		return nil
	case isMessage(field):
		if err := c.Unmarshal(in.bytes, v.Message().Interface()); err != nil {
			return err
		}
	case !json.Valid(in.bytes): // or it could hold other fields of the message
		return invalid("the body is not JSON")
	default:
		// A message with this field alone is what a codec decodes.
		whole := append(strconv.AppendQuote(nil, string(field.Name())), ':')
		whole = append(append([]byte{'{'}, whole...), in.bytes...)
		alone := m.New()
		if err := c.Unmarshal(append(whole, '}'), alone.Interface()); err != nil {
			return err
		}
		if !alone.Has(field) {
			return nil
		}
		v = alone.Get(field)
	}
	m.Set(field, v)
	return nil
}

// appendBody appends the body of the response that msg is, and returns its type.
func (b *binding) appendBody(dst []byte, c codec.Codec, msg any) (content, error) {
	out := content{mediaType: typeJSON, bytes: dst}
	message, ok := msg.(proto.Message)
	if !ok {
		return out, status.Errorf(status.Internal, "rest: cannot encode %T: it is not a proto.Message", msg)
	}
	if b.responseBody != "" {
		m := message.ProtoReflect()
		field := bodyField(m.Descriptor(), b.responseBody)
		if field == nil {
			return out, noField(m, b.responseBody)
		}
		if !isMessage(field) || !m.Has(field) && !isHTTPBody(field.Message()) {
			text, err := fieldJSON(c, m, field)
			out.bytes = append(out.bytes, text...)
			return out, err
		}
		message = m.Get(field).Message().Interface()
	}
	if isHTTPBody(message.ProtoReflect().Descriptor()) {
		return appendHTTPBody(dst, message.ProtoReflect())
	}
	var err error
	out.bytes, err = c.MarshalAppend(dst, message)
	return out, err
}

// fieldJSON returns the JSON of a field that is not a message, or is not set: that of a message with this field alone,
// without the rest.
func fieldJSON(c codec.Codec, m protoreflect.Message, field protoreflect.FieldDescriptor) ([]byte, error) {
	alone := m.New()
	var text []byte
	var err error
	if m.Has(field) {
		alone.Set(field, m.Get(field))
		text, err = c.MarshalAppend(nil, alone.Interface())
	} else {
		text, err = protojson.MarshalOptions{EmitUnpopulated: true, AllowPartial: true, UseProtoNames: true}.Marshal(alone.Interface())
	}
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, status.Errorf(status.Internal, "rest: the codec %q does not write JSON objects", c.Name())
	}
	for _, name := range []string{string(field.Name()), field.JSONName()} {
		if value, ok := fields[name]; ok {
			var b bytes.Buffer
			err := json.Compact(&b, value)
			return b.Bytes(), err
		}
	}
	return []byte("null"), nil
}

func noField(m protoreflect.Message, name protoreflect.Name) error {
	return status.Errorf(status.Internal, "%s has no field %q", m.Descriptor().FullName(), name)
}
