module example.com/order

go 1.16

require (
	github.com/gin-gonic/gin v1.9.1
	github.com/go-playground/validator v1.14.0
)
