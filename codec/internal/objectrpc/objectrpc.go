// Package objectrpc is what the formats share whose calls are objects on a pipe, each with the id of its call: JSON-RPC,
// BSON-RPC and MessagePack-RPC. A [Wire] is what tells them apart: how an object is written and read.
//
// Besides requests and responses there are five notifications, which the published formats do not have: a message of a
// stream, the end of the requests, a cancellation, credit for further messages, and a server's announcement that it is
// going away. Peers that know none of them never get one.
package objectrpc

import (
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// StartWindow is the credit, in bytes, with which the requests of every stream begin.
const StartWindow = 64 << 10

// MessageCost is what a message of a stream costs besides its bytes.
const MessageCost = 256

// A Type says what an object is.
type Type uint8

// The types of objects.
const (
	Nothing   Type = iota // an object to pass over
	Request               // the head of a call, perhaps with its first message; without an id nobody is answered
	Response              // the end of a call
	Message               // a message of a stream, or the error that stands in the place of one that was too large
	End                   // the end of a client's messages, perhaps with the last of them
	Cancel                // the client has given up
	Credit                // the peer may send Credit bytes more
	GoAway                // the server takes no further call
	Malformed             // an object that is not any of these, or too large: Err says why
	Batch                 // objects in an array
)

// A Frame is an object as it is written and read.
type Frame struct {
	Type        Type
	ID          []byte        // of the call, as it stands on the wire; nil if there is none
	Method      string        // of a request: "weather.v1.Weather/Get"
	Kind        codec.Kind    // of a request
	Timeout     time.Duration // of a request; 0 for none
	Extended    bool          // of a request and its response: the client understands more than the published format
	Credit      int           // what the receiver may send; in a request 0 stands for no bound
	Body        []byte        // an encoded message; nil for none
	Header      codec.Meta    // of a request, or of what begins a response
	Trailer     codec.Meta    // of a response
	Err         *status.Error // the outcome of a response, nil for success; of a malformed object, what to answer
	Number      int           // of an error, if its code does not say it; the formats know what it stands for
	Unprocessed bool          // of an outcome: no handler has seen the call
	Batch       []Frame       // of a batch
}

// A Wire writes and reads the objects of one connection. One goroutine may read while others write; what Next has returned
// happens before what is written because of it.
type Wire interface {
	// Next reads the next object into f, which it overwrites. The slices in f, but for metadata, are valid until the next
	// call. An error ends the connection: io.EOF if the peer has closed it between two objects.
	Next(f *Frame) error
	// AppendID appends the id of the client's nth call.
	AppendID(dst []byte, n uint32) []byte
	// AppendObject appends f as an object.
	AppendObject(dst []byte, f *Frame) []byte
	// AppendFramed appends an object so that the peer finds its end.
	AppendFramed(dst, object []byte) []byte
	// AppendBatch appends objects as one, for a wire that reads batches.
	AppendBatch(dst []byte, objects [][]byte) []byte
	// Null tells whether the encoding of a message is that of none.
	Null(body []byte) bool
	// NullID tells whether an id is that of no call in particular.
	NullID(id []byte) bool
}
