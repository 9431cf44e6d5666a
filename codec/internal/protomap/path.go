package protomap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// errDepth is what nests deeper than MaxDepth.
var errDepth = fmt.Errorf("nested more than %d deep", MaxDepth)

// A pathError says in which field something went wrong: "items[3].price".
type pathError struct {
	path string
	err  error
}

func (e *pathError) Error() string { return strings.TrimPrefix(e.path, ".") + ": " + e.err.Error() }

// within returns err, or nil, with a step towards the place where it happened in front of its path.
func within(step func() string, err error) error {
	if err == nil {
		return nil
	}
	if inner, ok := errors.AsType[*pathError](err); ok {
		return &pathError{path: step() + inner.path, err: inner.err}
	}
	return &pathError{path: step(), err: err}
}

// inField, inElement and inEntry are the steps of a path.
func inField(fd protoreflect.FieldDescriptor, err error) error {
	return within(func() string { return "." + fieldName(fd) }, err)
}

func inElement(i int, err error) error {
	return within(func() string { return "[" + strconv.Itoa(i) + "]" }, err)
}

func inEntry(key protoreflect.MapKey, err error) error {
	return within(func() string {
		if text, ok := key.Interface().(string); ok {
			return "[" + quote([]byte(text)) + "]"
		}
		return "[" + key.String() + "]"
	}, err)
}

// quote returns text as it may stand in an error: quoted, and its beginning alone if it is long.
func quote(text []byte) string {
	const enough = 60
	if len(text) > enough {
		return strconv.Quote(string(text[:enough])) + "…"
	}
	return strconv.Quote(string(text))
}

// fieldName returns the key of a field.
func fieldName(fd protoreflect.FieldDescriptor) string {
	if fd.IsExtension() {
		return "[" + string(fd.FullName()) + "]"
	}
	return fd.JSONName()
}
