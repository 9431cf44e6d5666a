package grpcformat

import (
	"bytes"
	"encoding/base64"
	"io"

	"github.com/protomicro/micro/status"
)

var errText = &status.Error{Code: status.Internal, Message: "the body is not base64"}

// A textBody reads what r has in base64. Readers of different r may share a textReader, if one of them reads at a time.
type textBody struct {
	*textReader
	r io.Reader
}

func (t textBody) Read(p []byte) (int, error) { return t.read(t.r, p) }

// A textReader decodes base64 that comes in chunks, each of which may end in padding, cut anywhere on the way.
type textReader struct {
	src  [4 << 10]byte
	dst  [3 << 10]byte
	held int    // bytes at the front of src that are not a whole group of four
	left []byte // what was decoded and not returned
	err  error  // of what it reads, or of the encoding
}

// read reads r, which may be another one at each call, at most once. It returns nothing, and no error, if what came is not
// enough to decode a byte.
func (t *textReader) read(r io.Reader, p []byte) (int, error) {
	if len(t.left) == 0 && t.err == nil && len(p) > 0 {
		t.fill(r)
	}
	if len(t.left) == 0 {
		return 0, t.err
	}
	n := copy(p, t.left)
	t.left = t.left[n:]
	return n, nil
}

func (t *textReader) fill(r io.Reader) {
	n, err := r.Read(t.src[t.held:])
	got := t.src[:t.held+n]
	whole := len(got) &^ 3
	decoded, ok := decodeText(t.dst[:0], got[:whole])
	t.left, t.err = decoded, err
	t.held = copy(t.src[:], got[whole:])
	if !ok || err == io.EOF && t.held > 0 {
		t.err = errText
	}
}

// decodeText appends what the groups of four that src consists of stand for, up to the first that is not valid.
func decodeText(dst, src []byte) (out []byte, ok bool) {
	if bytes.ContainsAny(src, "\r\n") { // which would be skipped, and shift the groups
		return dst, false
	}
	for len(src) > 0 {
		end := len(src)
		if padding := bytes.IndexByte(src, '='); padding >= 0 {
			end = (padding | 3) + 1
		}
		var err error
		if dst, err = base64.StdEncoding.AppendDecode(dst, src[:end]); err != nil {
			return dst, false
		}
		src = src[end:]
	}
	return dst, true
}

// appendText appends src as a chunk of base64.
func appendText(dst, src []byte) []byte { return base64.StdEncoding.AppendEncode(dst, src) }
