// Package reflection has a server answer grpc.reflection.v1.ServerReflection, and v1alpha, with which grpcurl, buf curl and
// their like find out what a server offers and how its messages are laid out.
//
//	reflection.Register(server)
//
// is all that is needed. Whoever reaches the server can then read the protos of its services, and of all else that the
// program links.
package reflection

import (
	"github.com/protomicro/micro/runtime"
	"github.com/protomicro/micro/services/internal/published"
	"github.com/protomicro/micro/services/reflection/reflectionv1"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A Registry is where descriptors are looked up. Its zero value means those that the program links.
type Registry struct {
	Files protodesc.Resolver // default protoregistry.GlobalFiles
	Types Extensions         // default protoregistry.GlobalTypes
}

// Extensions find the fields that extend a message. A *protoregistry.Types is one.
type Extensions interface {
	FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error)
	RangeExtensionsByMessage(message protoreflect.FullName, yield func(protoreflect.ExtensionType) bool)
}

// Register adds the reflection services to s, with the descriptors that the program links.
func Register(s *runtime.Server) { Registry{}.Register(s) }

// Register adds the reflection services to s. They list the services of s, whether r describes them or not. What r does
// not know of grpc.health.v1 and grpc.reflection is described all the same.
func (r Registry) Register(s *runtime.Server) {
	if r.Files == nil {
		r.Files = protoregistry.GlobalFiles
	}
	if r.Types == nil {
		r.Types = protoregistry.GlobalTypes
	}
	v1 := published.Handlers(func(to *runtime.Server) {
		reflectionv1.RegisterServerReflectionServer(to, &server{registry: r, services: s.Services})
	})
	s.Handle(v1...)
	for _, h := range v1 { // the same messages under another name
		method := *h.Method
		method.Name = alphaPackage + method.Name[len(v1Package):]
		h.Method = &method
		s.Handle(h)
	}
}

// NewClient returns a client that asks the servers at the other end of conn, of whatever make, for their descriptors.
func NewClient(conn runtime.Conn) *reflectionv1.ServerReflectionClient {
	return reflectionv1.NewServerReflectionClient(published.Conn(conn))
}
