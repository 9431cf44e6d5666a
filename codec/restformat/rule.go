package restformat

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The field of MethodOptions that the annotation is, and those of google.api.HttpRule and CustomHttpPattern.
const (
	fieldHTTP = 72295728

	fieldGet                = 2
	fieldPut                = 3
	fieldPost               = 4
	fieldDelete             = 5
	fieldPatch              = 6
	fieldBody               = 7
	fieldCustom             = 8
	fieldAdditionalBindings = 11
	fieldResponseBody       = 12

	fieldCustomKind = 1
	fieldCustomPath = 2
)

// A rule is one google.api.HttpRule.
type rule struct {
	verb         string // of HTTP, "GET"; "*" for any
	path         string
	body         string // the name of a field, "*" for the message, "" for none
	responseBody string // the name of a field, "" for the message
	additional   []rule
}

// rulesOf returns the rule of the method's annotation and its additional bindings, or none if there is no annotation.
func rulesOf(method protoreflect.MethodDescriptor) ([]rule, error) {
	// Encoded, the options are the same whether the annotation is known to this binary or not.
	options, err := proto.MarshalOptions{AllowPartial: true}.Marshal(method.Options())
	if err != nil {
		return nil, fmt.Errorf("the options cannot be read: %w", err)
	}
	var annotation []byte
	found := false
	err = eachField(options, func(field protowire.Number, value []byte) error {
		if field == fieldHTTP {
			annotation = append(annotation, value...) // of two, the second is merged into the first
			found = true
		}
		return nil
	})
	if err != nil || !found {
		return nil, err
	}
	r, err := parseRule(annotation)
	if err != nil {
		return nil, err
	}
	return append([]rule{r}, r.additional...), nil
}

func parseRule(b []byte) (rule, error) {
	var r rule
	err := eachField(b, func(field protowire.Number, value []byte) error {
		if verb := verbOf(field); verb != "" {
			r.verb, r.path = verb, string(value)
			return nil
		}
		switch field {
		case fieldCustom:
			r.verb, r.path = "", ""
			return eachField(value, func(field protowire.Number, value []byte) error {
				switch field {
				case fieldCustomKind:
					r.verb = string(value)
				case fieldCustomPath:
					r.path = string(value)
				}
				return nil
			})
		case fieldBody:
			r.body = string(value)
		case fieldResponseBody:
			r.responseBody = string(value)
		case fieldAdditionalBindings:
			further, err := parseRule(value)
			if err == nil && len(further.additional) > 0 {
				err = errors.New("an additional binding has additional bindings of its own")
			}
			r.additional = append(r.additional, further)
			return err
		}
		return nil
	})
	return r, err
}

func verbOf(field protowire.Number) string {
	switch field {
	case fieldGet:
		return "GET"
	case fieldPut:
		return "PUT"
	case fieldPost:
		return "POST"
	case fieldDelete:
		return "DELETE"
	case fieldPatch:
		return "PATCH"
	}
	return ""
}

// eachField calls f with each field of an encoded message that is a string or a message.
func eachField(b []byte, f func(field protowire.Number, value []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("the annotation is damaged: %w", protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(field, kind, b)
		if n < 0 {
			return fmt.Errorf("the annotation is damaged: %w", protowire.ParseError(n))
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b)
			if err := f(field, value); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}
