module life

go 1.22

require github.com/go-kafka/connect v0.9.0
