// Package protomap lays protobuf messages out as maps, lists and scalars, and reads them back. An encoding that has those
// brings a [Writer] and a [Reader]; what a message looks like is the same in all of them, and close to protobuf's JSON
// mapping. MAPPING.md of codec/msgpackcodec describes it.
package protomap

import "google.golang.org/protobuf/reflect/protoreflect"

// MaxDepth is how many maps and lists may be open within each other, in what is written and in what is read.
const MaxDepth = 100

// A Writer appends values to an encoding. Values follow each other in the order in which they are written; in a map each
// follows its key.
type Writer interface {
	Map(entries int)                                           // opens a map that will hold so many entries
	List(elements int)                                         // opens a list that will hold so many elements
	End()                                                      // ends the map or list that was opened last
	Key(kind protoreflect.Kind, key protoreflect.MapKey) error // writes the key of an entry
	Scalar(kind protoreflect.Kind, v protoreflect.Value)       // writes what is no message, group or enum; texts are UTF-8
	Date(seconds int64, nanos int32)                           // writes a time since the Unix epoch, of the years 1 to 9999
	Null()
}

// A Reader reads values from an encoding. It checks what it reads, trusts no announced length, and opens no more than
// [MaxDepth] maps and lists within each other. Its errors say at which byte.
type Reader interface {
	// Value reads the next value. Of a map or list it reads the beginning; the elements follow.
	Value() (Value, error)
	// More tells whether the innermost open map or list has another element, and closes it if not.
	More() (bool, error)
	// Key reads the key of the next entry of a map, which is a value too: what is a map or list must be skipped.
	Key() (Value, error)
	// Clone returns a Reader that goes on at the same place, independently.
	Clone() Reader
}

// A Kind says what a [Value] is.
type Kind uint8

// The kinds of values.
const (
	Other Kind = iota // what no field takes; Name says what it is
	Null
	Bool // Int is 0 or 1
	Int  // an integer that fits in an int64
	Uint // an integer above that
	Float
	Text   // Bytes, which need not be UTF-8
	Binary // Bytes
	Date   // Int is seconds since the Unix epoch, Nanos what is added to them
	List
	Map
)

// A Value is what stands at one place of an encoding.
type Value struct {
	Kind  Kind
	Nanos int32
	Int   int64
	Uint  uint64
	Float float64
	Bytes []byte // part of what is read
	Name  string // of what is Other: "an object id"
}

// Skip reads over the rest of a value that was read from r.
func Skip(r Reader, v Value) error {
	if v.Kind != List && v.Kind != Map {
		return nil
	}
	for {
		more, err := r.More()
		if err != nil || !more {
			return err
		}
		if v.Kind == Map {
			key, err := r.Key()
			if err != nil {
				return err
			}
			if err := Skip(r, key); err != nil {
				return err
			}
		}
		if err := skipNext(r); err != nil {
			return err
		}
	}
}

func skipNext(r Reader) error {
	v, err := r.Value()
	if err != nil {
		return err
	}
	return Skip(r, v)
}
