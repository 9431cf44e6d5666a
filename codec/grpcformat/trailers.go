package grpcformat

import (
	"bytes"
	"net/textproto"
	"slices"
	"strings"

	"github.com/protomicro/micro/status"
	"github.com/protomicro/micro/transport"
)

// appendTrailers appends h as the last message of a gRPC-Web response has it, with lower-case keys, in the order of the
// keys.
func appendTrailers(dst []byte, h transport.Header) []byte {
	keys := make([]string, 0, len(h))
	for key := range h {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		for _, value := range h[key] {
			dst = append(dst, strings.ToLower(key)...)
			dst = append(dst, ": "...)
			dst = append(dst, value...)
			dst = append(dst, "\r\n"...)
		}
	}
	return dst
}

// parseTrailers undoes appendTrailers. It takes keys in any case, lines that end in a line feed alone, and a last line
// without an end.
func parseTrailers(b []byte) (transport.Header, error) {
	h := transport.Header{}
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if len(line) == 0 {
			continue
		}
		key, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(key) == 0 {
			return nil, status.Errorf(status.Internal, "the trailers have the line %.64q, which is not a key with a value", line)
		}
		name := textproto.CanonicalMIMEHeaderKey(string(key))
		h[name] = append(h[name], string(bytes.Trim(value, " \t")))
	}
	return h, nil
}
