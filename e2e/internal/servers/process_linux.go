package servers

import "syscall"

// endWithParent makes the kernel end the server if the tests are killed.
func endWithParent(attr *syscall.SysProcAttr) *syscall.SysProcAttr {
	attr.Pdeathsig = syscall.SIGKILL
	return attr
}
