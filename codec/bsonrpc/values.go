package bsonrpc

import (
	"bytes"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

const lastType = byte(bsoncore.TypeDecimal128) // of the values that are told by a number from 1 on

// members calls visit with the elements of the document at the start of b, or the beginning of one. Of a value that does
// not end in b it yields what is there, and whole is false. It tells whether b is one document.
func members(b []byte, visit func(key string, v bsoncore.Value, whole bool)) bool {
	if len(b) < 5 {
		return false
	}
	for rest := b[4:]; len(rest) > 0; {
		if rest[0] == 0 {
			return len(rest) == 1
		}
		element, after, ok := bsoncore.ReadElement(rest)
		if ok {
			v, err := element.ValueErr()
			if err != nil {
				return false
			}
			visit(element.Key(), v, true)
			rest = after
			continue
		}
		if key, value, ok := bytes.Cut(rest[1:], []byte{0}); ok {
			visit(string(key), bsoncore.Value{Type: bsoncore.Type(rest[0]), Data: value}, false)
		}
		return false
	}
	return false
}

// identity returns an id as it stands on the wire, with its type in front, or nil if it is none.
func identity(v *bsoncore.Value) []byte {
	if v == nil || v.Type == bsoncore.TypeEmbeddedDocument || v.Type == bsoncore.TypeArray || v.Type == bsoncore.TypeCodeWithScope {
		return nil
	}
	return append([]byte{byte(v.Type)}, v.Data...)
}

func text(v *bsoncore.Value) string {
	if v == nil {
		return ""
	}
	s, ok := v.StringValueOK()
	if !ok || !utf8.ValidString(s) {
		return ""
	}
	return s
}

// list returns the elements of an array, as far as they are valid.
func list(v *bsoncore.Value) (elements []bsoncore.Value) {
	members(v.Data, func(_ string, v bsoncore.Value, whole bool) {
		if whole {
			elements = append(elements, v)
		}
	})
	return elements
}

func parseCount(name string, v *bsoncore.Value) (int, *status.Error) {
	if v == nil {
		return 0, nil
	}
	n, ok := v.AsInt64OK()
	if !ok || n < 0 || n > 1<<40 {
		return 0, status.Errorf(status.InvalidArgument, "%q is not a number from 0 to %d", name, 1<<40)
	}
	return int(n), nil
}

// parseMeta reads a document whose elements are values of metadata or arrays of them.
func parseMeta(v *bsoncore.Value) (meta codec.Meta, err *status.Error) {
	if v == nil {
		return nil, nil
	}
	ok := v.Type == bsoncore.TypeEmbeddedDocument && members(v.Data, func(key string, v bsoncore.Value, _ bool) {
		values := []bsoncore.Value{v}
		if v.Type == bsoncore.TypeArray {
			values = list(&v)
		}
		for _, v := range values {
			field := codec.Field{Key: key}
			if _, b, ok := v.BinaryOK(); ok {
				field.Value = string(b)
			} else if s, ok := v.StringValueOK(); ok {
				field.Value = s
			} else {
				err = status.Errorf(status.InvalidArgument, "metadata %.64q: a value is neither a string nor binary", key)
				return
			}
			if codec.Reserved(key) {
				return
			}
			if e := (codec.Meta{field}).Check(); e != nil {
				err = status.From(e)
				return
			}
			meta = append(meta, field)
		}
	})
	if !ok && err == nil {
		err = status.Errorf(status.InvalidArgument, "metadata is not a document")
	}
	return meta, err
}
