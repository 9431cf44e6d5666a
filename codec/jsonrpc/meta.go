package jsonrpc

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// appendMeta appends meta as an object of arrays of strings.
func appendMeta(dst []byte, meta codec.Meta) []byte {
	dst = append(dst, '{')
	first := true
	for i, f := range meta {
		if codec.Reserved(f.Key) || slices.ContainsFunc(meta[:i], func(g codec.Field) bool { return strings.EqualFold(g.Key, f.Key) }) {
			continue // it is not ours to send, or was written with the first of the same key
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(appendText(dst, strings.ToLower(f.Key)), ':')
		for j, value := range meta.Values(f.Key) {
			dst = append(dst, "[,"[min(j, 1)])
			if strings.HasSuffix(strings.ToLower(f.Key), "-bin") {
				value = base64.StdEncoding.EncodeToString([]byte(value))
			}
			dst = appendText(dst, value)
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// parseMeta reads an object whose members are strings or arrays of strings. What metadata cannot have is left out.
func parseMeta(b []byte) (meta codec.Meta, err *status.Error) {
	if len(b) > 0 && b[0] != '{' {
		return nil, status.Errorf(status.InvalidArgument, "metadata is not an object")
	}
	members(b, func(key, value []byte, _ bool) {
		k := strings.ToLower(string(key))
		if codec.Reserved(k) {
			return
		}
		add := func(value []byte) bool {
			if value[0] != '"' {
				err = status.Errorf(status.InvalidArgument, "metadata %.64q: a value is not a string", k)
				return false
			}
			v := text(value)
			if strings.HasSuffix(k, "-bin") {
				bin, e := base64.RawStdEncoding.DecodeString(strings.TrimRight(v, "="))
				if e != nil {
					err = status.Errorf(status.InvalidArgument, "metadata %.64q: a value is not base64", k)
					return false
				}
				v = string(bin)
			}
			field := codec.Meta{{Key: k, Value: v}}
			if e := field.Check(); e != nil {
				err = status.From(e)
				return false
			}
			meta = append(meta, field...)
			return true
		}
		if value[0] == '[' {
			elements(value, add)
		} else {
			add(value)
		}
	})
	return meta, err
}
