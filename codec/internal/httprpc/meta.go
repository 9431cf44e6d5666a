// Package httprpc is what the formats share that carry one call on one HTTP request: metadata in headers, messages in
// envelopes, and the parts of both sides of a call that do not depend on the format.
package httprpc

import (
	"encoding/base64"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// Names of header fields, in the form that transport.Header has them.
const (
	contentLength = "Content-Length"
	contentType   = "Content-Type"
	trailerPrefix = "Trailer-"
)

// MediaType returns the content type in lower case, without its parameters.
func MediaType(h transport.Header) string {
	t, _, _ := strings.Cut(First(h, contentType), ";")
	return strings.ToLower(strings.TrimSpace(t))
}

// First returns the first value of a key that is in canonical form already.
func First(h transport.Header, key string) string {
	if values := h[key]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set sets a key that is in canonical form already.
func Set(h transport.Header, key, value string) { h[key] = []string{value} }

// AddMeta adds meta to h, each key with prefix. Keys that are not metadata's are left out.
func AddMeta(h transport.Header, prefix string, meta codec.Meta) {
	for _, f := range meta {
		if codec.Reserved(f.Key) {
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(prefix + f.Key)
		h[key] = append(h[key], EncodeValue(f))
	}
}

// SplitMeta returns the metadata in h, and that in the fields whose names start with "Trailer-".
func SplitMeta(h transport.Header) (header, trailer codec.Meta, err error) {
	header = make(codec.Meta, 0, len(h))
	for name, values := range h {
		meta, key := &header, strings.ToLower(name)
		if strings.HasPrefix(name, trailerPrefix) {
			meta, key = &trailer, key[len(trailerPrefix):]
		}
		if *meta, err = AppendValues(*meta, key, values); err != nil {
			return nil, nil, err
		}
	}
	return header, trailer, nil
}

// AppendValues appends the values that came with a lower-case key, unless that is not a key of metadata.
func AppendValues(meta codec.Meta, key string, values []string) (codec.Meta, error) {
	if codec.Reserved(key) {
		return meta, nil
	}
	if !strings.HasSuffix(key, "-bin") {
		for _, value := range values {
			meta = append(meta, codec.Field{Key: key, Value: value})
		}
		return meta, nil
	}
	for _, value := range values {
		for part := range strings.SplitSeq(value, ",") { // values of one key may have been joined on the way
			decoded, err := DecodeBase64(strings.Trim(part, " \t"))
			if err != nil {
				return nil, status.Errorf(status.InvalidArgument, "metadata %q is not base64: %v", key, err)
			}
			meta = append(meta, codec.Field{Key: key, Value: string(decoded)})
		}
	}
	return meta, nil
}

// EncodeValue returns the value of f as it stands in a header.
func EncodeValue(f codec.Field) string {
	if strings.HasSuffix(f.Key, "-bin") {
		return base64.RawStdEncoding.EncodeToString([]byte(f.Value))
	}
	return f.Value
}

// DecodeBase64 accepts padding and does not need it.
func DecodeBase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// LengthOf returns the length that h announces, or -1.
func LengthOf(h transport.Header) int64 {
	n, err := strconv.ParseInt(First(h, contentLength), 10, 64)
	if err != nil || n < 0 {
		return -1
	}
	return n
}
