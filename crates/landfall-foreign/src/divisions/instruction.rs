//! The instructions that divide whole numbers (`DIV` and `IDIV`: opcodes F6 and F7, /6 and /7), and what they would have left:
//! Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, chapter 2 and the pages of both.

/// By the numbers that instructions have for them: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8 to r15.
pub(super) type Registers = [u64; 16];

const RAX: usize = 0;
const RDX: usize = 2;
const RSP: usize = 4;
const RBP: usize = 5;

/// One of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    is_signed: bool,
    /// Bytes of the divisor.
    pub(super) width: u32,
    pub(super) divisor: Divisor,
    /// Bytes of the instruction.
    pub(super) length: u64,
}

/// Where the divisor is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Divisor {
    Register(usize),
    /// The second byte of one of the first four registers (ah, ch, dh, bh).
    SecondByte(usize),
    Memory(Address),
}

/// The sum of a register, another one times a scale, and a number; from the next instruction's address on, or from 0.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    base: Option<usize>,
    index: Option<(usize, u32)>,
    displacement: i64,
    is_relative: bool,
}

/// Why an instruction could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trap {
    ByZero,
    /// The least number by −1: its quotient has no place.
    LeastByMinusOne,
}

impl Instruction {
    /// The instruction whose bytes these are; `None` for all others, and for those with segments of their own.
    pub(super) fn read(byte: impl Fn(usize) -> u8) -> Option<Self> {
        let mut at = 0;
        let mut next = || {
            at += 1;
            byte(at - 1)
        };
        let (mut opcode, mut is_short, mut rex) = (next(), false, 0);
        if opcode == 0x66 {
            (opcode, is_short) = (next(), true);
        }
        if opcode & 0xF0 == 0x40 {
            (opcode, rex) = (next(), opcode);
        }
        let width = match opcode {
            0xF6 => 1,
            0xF7 if rex & 8 != 0 => 8,
            0xF7 if is_short => 2,
            0xF7 => 4,
            _ => return None,
        };
        let form = next();
        let is_signed = match form >> 3 & 7 {
            6 => false,
            7 => true,
            _ => return None,
        };
        let divisor = match (form >> 6, usize::from(form & 7)) {
            (3, number @ 4..8) if width == 1 && rex == 0 => Divisor::SecondByte(number - 4),
            (3, number) => Divisor::Register(number | extended(rex, 0)),
            (mode, number) => Divisor::Memory(Address::read(mode, number, rex, next)),
        };
        Some(Instruction { is_signed, width, divisor, length: at as u64 })
    }

    /// Leaves what the instruction would have, had it not been trapped: of the least number by −1 the number itself, as processors of
    /// other makes do and NumPy; of anything by 0 zero. `None`, and nothing done, if these were not what trapped it.
    pub(super) fn finish(&self, divisor: u64, registers: &mut Registers) -> Option<Trap> {
        let all = u64::MAX >> (64 - 8 * self.width);
        // Of one byte, the number's upper half is the second byte of rax.
        let (trap, quotient) = match divisor & all {
            0 => (Trap::ByZero, 0),
            minus_one if self.is_signed && minus_one == all => {
                (Trap::LeastByMinusOne, registers[RAX].wrapping_neg() & all)
            }
            _ => return None,
        };
        match self.width {
            1 => registers[RAX] = registers[RAX] & !0xFFFF | quotient,
            2 => {
                registers[RAX] = registers[RAX] & !all | quotient;
                registers[RDX] &= !all;
            }
            // Of four bytes, the upper ones become zero.
            _ => (registers[RAX], registers[RDX]) = (quotient, 0),
        }
        Some(trap)
    }
}

impl Address {
    /// What follows an instruction's form: of memory, in one of three modes.
    fn read(mode: u8, number: usize, rex: u8, mut next: impl FnMut() -> u8) -> Self {
        let mut address = Address { base: Some(number | extended(rex, 0)), ..Address::default() };
        if number == RSP {
            let parts = next();
            let index = usize::from(parts >> 3 & 7) | extended(rex, 1);
            address.index = (index != RSP).then_some((index, u32::from(parts >> 6)));
            address.base = Some(usize::from(parts & 7) | extended(rex, 0));
            if mode == 0 && parts & 7 == RBP as u8 {
                address.base = None;
            }
        } else if mode == 0 && number == RBP {
            (address.base, address.is_relative) = (None, true);
        }
        let bytes = match (mode, address.base) {
            (1, _) => 1,
            (2, _) | (_, None) => 4,
            _ => 0,
        };
        let mut displacement = [0; 4];
        displacement[..bytes].fill_with(&mut next);
        address.displacement = match bytes {
            1 => i64::from(displacement[0].cast_signed()),
            _ => i64::from(i32::from_le_bytes(displacement)),
        };
        address
    }

    /// Where it is, before the instruction at `next`.
    pub(super) fn of(&self, registers: &Registers, next: u64) -> u64 {
        let base = match self.base {
            Some(base) => registers[base],
            None if self.is_relative => next,
            None => 0,
        };
        let index = self.index.map_or(0, |(index, shift)| registers[index] << shift);
        base.wrapping_add(index).wrapping_add_signed(self.displacement)
    }
}

/// The fourth bit of a register's number, which stands in the prefix.
fn extended(rex: u8, bit: u32) -> usize {
    usize::from(rex >> bit & 1) << 3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Option<Instruction> {
        let read = Instruction::read(|at| bytes[at]);
        assert!(read.as_ref().is_none_or(|read| read.length == bytes.len() as u64), "{bytes:x?}: {read:?}");
        read
    }

    fn address(bytes: &[u8], registers: &Registers) -> u64 {
        match read(bytes).unwrap().divisor {
            Divisor::Memory(address) => address.of(registers, 0x1000),
            other => panic!("{bytes:x?}: {other:?}"),
        }
    }

    /// Bytes as an assembler writes them.
    #[test]
    fn divisors_are_found_in_registers() {
        let of = |is_signed, width, divisor, length| Some(Instruction { is_signed, width, divisor, length });
        assert_eq!(read(&[0xF7, 0xF9]), of(true, 4, Divisor::Register(1), 2), "idiv ecx");
        assert_eq!(read(&[0x48, 0xF7, 0xF6]), of(false, 8, Divisor::Register(6), 3), "div rsi");
        assert_eq!(read(&[0x49, 0xF7, 0xFC]), of(true, 8, Divisor::Register(12), 3), "idiv r12");
        assert_eq!(read(&[0x66, 0x41, 0xF7, 0xF8]), of(true, 2, Divisor::Register(8), 4), "idiv r8w");
        assert_eq!(read(&[0xF6, 0xFD]), of(true, 1, Divisor::SecondByte(1), 2), "idiv ch");
        assert_eq!(read(&[0x40, 0xF6, 0xFD]), of(true, 1, Divisor::Register(5), 3), "idiv bpl");
        for other in [[0xF7, 0xE1], [0xF7, 0xD9], [0x0F, 0xF7], [0x64, 0xF7]] {
            assert_eq!(Instruction::read(|at| *other.get(at).unwrap_or(&0)), None, "{other:x?}");
        }
    }

    #[test]
    fn divisors_are_found_in_memory() {
        let registers: Registers = std::array::from_fn(|number| (number as u64 + 1) << 16);
        assert_eq!(address(&[0xF7, 0x3E], &registers), 0x7_0000, "idiv dword [rsi]");
        assert_eq!(address(&[0xF7, 0x7D, 0xFC], &registers), 0x5_FFFC, "idiv dword [rbp-4]");
        assert_eq!(address(&[0x48, 0xF7, 0x7C, 0x24, 0x08], &registers), 0x5_0008, "idiv qword [rsp+8]");
        assert_eq!(address(&[0xF7, 0x3C, 0x81], &registers), 0x6_0000, "idiv dword [rcx+rax*4]");
        let far = [0x43, 0xF7, 0xBC, 0xE5, 0x78, 0x56, 0x34, 0x12];
        assert_eq!(address(&far, &registers), 0x12AA_5678, "idiv dword [r13+r12*8+0x12345678]");
        assert_eq!(address(&[0xF7, 0x3D, 0xF0, 0xFF, 0xFF, 0xFF], &registers), 0xFF0, "idiv dword [rip-16]");
        let absolute = [0xF7, 0x3C, 0x25, 0x00, 0x01, 0x00, 0x00];
        assert_eq!(address(&absolute, &registers), 0x100, "idiv dword [0x100]");
        assert_eq!(address(&[0x41, 0xF7, 0x7D, 0x00], &registers), 0xE_0000, "idiv dword [r13+0]");
        assert_eq!(address(&[0x66, 0x41, 0xF7, 0x3C, 0x24], &registers), 0xD_0000, "idiv word [r12]");
    }

    #[test]
    fn what_did_not_trap_is_left_alone() {
        let mut registers = [7; 16];
        let by =
            |code: &[u8], divisor, registers: &mut Registers| read(code).unwrap().finish(divisor, registers);
        assert_eq!(by(&[0xF7, 0xF9], 2, &mut registers), None);
        assert_eq!(
            by(&[0xF7, 0xF1], 0xFFFF_FFFF, &mut registers),
            None,
            "of numbers without a sign it is no −1"
        );
        assert_eq!(registers, [7; 16]);
        // What is above the divisor's width does not count.
        assert_eq!(by(&[0xF7, 0xF9], 1 << 32, &mut registers), Some(Trap::ByZero));
        assert_eq!((registers[RAX], registers[RDX]), (0, 0));
    }
}
