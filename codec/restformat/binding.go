package restformat

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/protomicro/micro/codec"
)

// A binding is one way to call a method.
type binding struct {
	method       string // "weather.v1.Weather/Get"
	kind         codec.Kind
	verb         string // of HTTP, "*" for any
	path         string // the template's text
	template     *template
	inPath       map[string]bool // the fields that are variables, by the names of the .proto file
	input        protoreflect.MessageDescriptor
	output       protoreflect.MessageDescriptor
	body         protoreflect.Name // as in rule
	responseBody protoreflect.Name
}

const wholeBody = "*"

func newBinding(name string, method protoreflect.MethodDescriptor, r rule) (*binding, error) {
	t, err := parseTemplate(r.path)
	if err != nil {
		return nil, err
	}
	b := &binding{
		method: name, kind: kindOf(method), verb: r.verb, path: r.path, template: t, inPath: make(map[string]bool),
		input: method.Input(), output: method.Output(),
		body: protoreflect.Name(r.body), responseBody: protoreflect.Name(r.responseBody),
	}
	if !isToken(r.verb) {
		return nil, fmt.Errorf("%q is not an HTTP method", r.verb)
	}
	for i := range t.variables {
		if err := b.checkVariable(t.variables[i].field); err != nil {
			return nil, fmt.Errorf("path template %q: %w", r.path, err)
		}
	}
	if r.body != "" && r.body != wholeBody && b.input.Fields().ByName(b.body) == nil {
		return nil, fmt.Errorf("body: %s has no field %q", b.input.FullName(), r.body)
	}
	if r.responseBody != "" && b.output.Fields().ByName(b.responseBody) == nil {
		return nil, fmt.Errorf("response_body: %s has no field %q", b.output.FullName(), r.responseBody)
	}
	return b, nil
}

func kindOf(method protoreflect.MethodDescriptor) codec.Kind {
	switch {
	case method.IsStreamingClient() && method.IsStreamingServer():
		return codec.BidiStream
	case method.IsStreamingClient():
		return codec.ClientStream
	case method.IsStreamingServer():
		return codec.ServerStream
	}
	return codec.Unary
}

func (b *binding) checkVariable(field string) error {
	fields := findFields(b.input, field)
	switch {
	case fields == nil || pathOf(fields) != field:
		return fmt.Errorf("%s has no field %q", b.input.FullName(), field)
	case fields[len(fields)-1].IsList() || !isValue(fields[len(fields)-1]):
		return fmt.Errorf("the field %q is repeated or a message", field)
	case b.inPath[field]:
		return fmt.Errorf("the field %q stands there twice", field)
	}
	b.inPath[field] = true
	return nil
}

// bodyField returns the field of md that the body is, or nil.
func bodyField(md protoreflect.MessageDescriptor, name protoreflect.Name) protoreflect.FieldDescriptor {
	if name == "" || name == wholeBody {
		return nil
	}
	return md.Fields().ByName(name)
}

// takesAnything tells whether the request's body is a google.api.HttpBody.
func (b *binding) takesAnything() bool {
	if b.body == wholeBody {
		return isHTTPBody(b.input)
	}
	field := bodyField(b.input, b.body)
	return field != nil && isMessage(field) && isHTTPBody(field.Message())
}

// givesAnything tells whether the response's body is a google.api.HttpBody.
func (b *binding) givesAnything() bool {
	field := bodyField(b.output, b.responseBody)
	return field == nil && isHTTPBody(b.output) || field != nil && isMessage(field) && isHTTPBody(field.Message())
}

// isMessage tells whether a field is one message.
func isMessage(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && !field.IsList() && !field.IsMap()
}

// isToken tells whether s can be an HTTP method; "*" can.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '*' {
			return false
		}
	}
	return s != ""
}
