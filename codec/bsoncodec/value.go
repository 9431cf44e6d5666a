package bsoncodec

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec/internal/protomap"
)

// The subtypes of binary.
const (
	genericBinary = 0
	oldBinary     = 2 // holds a second length
)

// read reads data, which is a value of the current type and as long as such a value has to be.
func (r *reader) read(data []byte) (protomap.Value, error) {
	switch r.kind {
	case bsoncore.TypeNull, bsoncore.TypeUndefined:
		return protomap.Value{Kind: protomap.Null}, nil
	case bsoncore.TypeBoolean:
		if data[0] > 1 {
			return protomap.Value{}, r.errorf("a bool that is %d", data[0])
		}
		return protomap.Value{Kind: protomap.Bool, Int: int64(data[0])}, nil
	case bsoncore.TypeInt32:
		n := int32(binary.LittleEndian.Uint32(data)) //nolint:gosec // the same bits
		return protomap.Value{Kind: protomap.Int, Int: int64(n)}, nil
	case bsoncore.TypeInt64:
		n := int64(binary.LittleEndian.Uint64(data)) //nolint:gosec // the same bits
		return protomap.Value{Kind: protomap.Int, Int: n}, nil
	case bsoncore.TypeDouble:
		f := math.Float64frombits(binary.LittleEndian.Uint64(data))
		return protomap.Value{Kind: protomap.Float, Float: f}, nil
	case bsoncore.TypeDecimal128:
		return readDecimal(binary.LittleEndian.Uint64(data[8:]), binary.LittleEndian.Uint64(data)), nil
	case bsoncore.TypeDateTime:
		t := time.UnixMilli(int64(binary.LittleEndian.Uint64(data))) //nolint:gosec // the same bits
		nanos := int32(t.Nanosecond())                               //nolint:gosec // below 1e9
		return protomap.Value{Kind: protomap.Date, Int: t.Unix(), Nanos: nanos}, nil
	case bsoncore.TypeString:
		text, err := r.text(data)
		return protomap.Value{Kind: protomap.Text, Bytes: text}, err
	case bsoncore.TypeBinary:
		return r.binary(data)
	default:
		return protomap.Value{Name: name(r.kind)}, r.check(data)
	}
}

// check checks a value that no field takes.
func (r *reader) check(data []byte) error {
	switch r.kind {
	case bsoncore.TypeJavaScript, bsoncore.TypeSymbol:
		_, err := r.text(data)
		return err
	case bsoncore.TypeDBPointer:
		_, err := r.text(data[:len(data)-12])
		return err
	case bsoncore.TypeRegex:
		return r.checkText(data)
	case bsoncore.TypeCodeWithScope:
		return r.checkCode(data)
	default:
		return nil
	}
}

// checkCode checks a text and the document behind it.
func (r *reader) checkCode(data []byte) error {
	if len(data) < 4 {
		return r.errorf("code whose length is wrong")
	}
	code, _, ok := bsoncore.ReadValue(data[4:], bsoncore.TypeString)
	if !ok {
		return r.errorf("code whose length is wrong")
	}
	if _, err := r.text(code.Data); err != nil {
		return err
	}
	scope := newReader(data[4+len(code.Data):], protomap.MaxDepth-r.room+len(r.open))
	v, err := scope.Value()
	if err == nil {
		err = protomap.Skip(scope, v)
	}
	if err == nil {
		err = scope.end()
	}
	if err != nil {
		return r.errorf("the scope of code: %w", err)
	}
	return nil
}

// text returns what stands in a string: its length, the text and a 0.
func (r *reader) text(data []byte) ([]byte, error) {
	if len(data) < 5 || int(binary.LittleEndian.Uint32(data)) != len(data)-4 || data[len(data)-1] != 0 {
		return nil, r.errorf("%s whose length is wrong", name(r.kind))
	}
	text := data[4 : len(data)-1]
	return text, r.checkText(text)
}

func (r *reader) checkText(text []byte) error {
	if !utf8.Valid(text) {
		return r.errorf("a text that is not UTF-8")
	}
	return nil
}

func (r *reader) binary(data []byte) (protomap.Value, error) {
	subtype, content := data[4], data[5:]
	if subtype == oldBinary {
		if len(content) < 4 || int(binary.LittleEndian.Uint32(content)) != len(content)-4 {
			return protomap.Value{}, r.errorf("%s whose lengths are wrong", name(r.kind))
		}
		content = content[4:]
	}
	return protomap.Value{Kind: protomap.Binary, Bytes: content}, nil
}

func name(t bsoncore.Type) string {
	switch t {
	case bsoncore.TypeEmbeddedDocument:
		return "a document"
	case bsoncore.TypeArray:
		return "an array"
	default:
		if t.String() == "invalid" {
			return fmt.Sprintf("an element of the unknown type 0x%02x", byte(t))
		}
		return "a value of the type " + t.String()
	}
}
