package bsoncodec

import (
	"bytes"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec/internal/protomap"
)

// A reader is the [protomap.Reader] of BSON.
type reader struct {
	src  []byte
	at   int // what is read next
	kind bsoncore.Type
	open []region
	room int // how many documents and arrays may be open
}

// A region is a document or array that is being read.
type region struct {
	end   int // behind its last byte, which is 0
	array bool
}

// newReader returns a reader of a document that stands in so many others.
func newReader(src []byte, depth int) *reader {
	return &reader{src: src, kind: bsoncore.TypeEmbeddedDocument, room: protomap.MaxDepth - depth}
}

func (r *reader) Clone() protomap.Reader {
	c := *r
	c.open = slices.Clone(r.open)
	return &c
}

// end returns an error unless everything was read.
func (r *reader) end() error {
	if r.at < len(r.src) {
		return r.errorf("%d bytes too many", len(r.src)-r.at)
	}
	return nil
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %w", r.at, fmt.Errorf(format, args...))
}

// rest returns what may be read: what is left of the innermost open document, without the 0 at its end.
func (r *reader) rest() []byte {
	if len(r.open) == 0 {
		return r.src[r.at:]
	}
	return r.src[r.at : r.open[len(r.open)-1].end-1]
}

// More reads the type of the next element as well, and its key if it is an array's.
func (r *reader) More() (bool, error) {
	last := r.open[len(r.open)-1]
	if r.at == last.end-1 {
		r.at++
		r.open = r.open[:len(r.open)-1]
		return false, nil
	}
	r.kind = bsoncore.Type(r.src[r.at])
	r.at++
	if !last.array {
		return true, nil
	}
	_, err := r.Key() // arrays are in order, whatever their keys say
	return true, err
}

func (r *reader) Key() (protomap.Value, error) {
	rest := r.rest()
	n := bytes.IndexByte(rest, 0)
	if n < 0 {
		return protomap.Value{}, r.errorf("the document ends within a key")
	}
	key := protomap.Value{Kind: protomap.Text, Bytes: rest[:n]}
	if err := r.checkText(key.Bytes); err != nil {
		return protomap.Value{}, err
	}
	r.at += n + 1
	return key, nil
}

func (r *reader) Value() (protomap.Value, error) {
	if r.kind == bsoncore.TypeEmbeddedDocument || r.kind == bsoncore.TypeArray {
		return r.enter()
	}
	data, _, ok := bsoncore.ReadValue(r.rest(), r.kind)
	if !ok {
		return protomap.Value{}, r.errorf("%s does not fit in its document", name(r.kind))
	}
	v, err := r.read(data.Data)
	if err != nil {
		return protomap.Value{}, err
	}
	r.at += len(data.Data)
	return v, nil
}

// enter opens a document or array.
func (r *reader) enter() (protomap.Value, error) {
	rest := r.rest()
	n, _, ok := bsoncore.ReadLength(rest)
	if !ok || int(n) > len(rest) || n < bsoncore.EmptyDocumentLength || rest[n-1] != 0 {
		return protomap.Value{}, r.errorf("%s whose length is wrong", name(r.kind))
	}
	if len(r.open) >= r.room {
		return protomap.Value{}, r.errorf("nested more than %d deep", protomap.MaxDepth)
	}
	array := r.kind == bsoncore.TypeArray
	r.open = append(r.open, region{end: r.at + int(n), array: array})
	r.at += 4
	if array {
		return protomap.Value{Kind: protomap.List}, nil
	}
	return protomap.Value{Kind: protomap.Map}, nil
}
