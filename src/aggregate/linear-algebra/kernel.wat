;; The inner loops of gram.ts with two float64 a register (f64x2), and those of projected-gram.ts with four float32 (f32x4). A lane is
;; a row, never a part of a sum: each sum is one chain of additions in the order of its terms, so the bits are those of the plain loops
;; in TypeScript. No fused multiply-add, no relaxed instruction.
;;
;; Rows stand in groups that take 32 bytes a number, a group's numbers side by side: four rows of float64 (number k of row 4g + d lies
;; at (g·length + k)·32 + d·8 bytes), or eight of float32 (number k of row 8g + d at (g·length + k)·32 + d·4 bytes).
;; Assembled by `node scripts/kernels.ts` into generated/kernel.ts.
(module
  (import "covey" "memory" (memory 1))

  ;; Four rows x against the rows of `groups` groups y: sums[h][d][e] += Σ_k x[k][d]·y[h][k][e], k below `length`.
  ;; $between: bytes from one group y to the next. $sums: 16 float64 a group.
  (func (export "cross")
    (param $x i32) (param $y i32) (param $between i32) (param $groups i32) (param $length i32) (param $sums i32)
    (local $a i32) (local $b i32) (local $end i32) (local $s v128) (local $y0 v128) (local $y1 v128)
    (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128)
    (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $length) (i32.const 5))))
    (block $done
      (loop $group
        (br_if $done (i32.eqz (local.get $groups)))
        (local.set $c00 (v128.load (local.get $sums)))
        (local.set $c01 (v128.load offset=16 (local.get $sums)))
        (local.set $c10 (v128.load offset=32 (local.get $sums)))
        (local.set $c11 (v128.load offset=48 (local.get $sums)))
        (local.set $c20 (v128.load offset=64 (local.get $sums)))
        (local.set $c21 (v128.load offset=80 (local.get $sums)))
        (local.set $c30 (v128.load offset=96 (local.get $sums)))
        (local.set $c31 (v128.load offset=112 (local.get $sums)))
        (local.set $a (local.get $x))
        (local.set $b (local.get $y))
        (block $over
          (loop $number
            (br_if $over (i32.eq (local.get $a) (local.get $end)))
            (local.set $y0 (v128.load (local.get $b)))
            (local.set $y1 (v128.load offset=16 (local.get $b)))
            (local.set $s (v128.load64_splat (local.get $a)))
            (local.set $c00 (f64x2.add (local.get $c00) (f64x2.mul (local.get $s) (local.get $y0))))
            (local.set $c01 (f64x2.add (local.get $c01) (f64x2.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load64_splat offset=8 (local.get $a)))
            (local.set $c10 (f64x2.add (local.get $c10) (f64x2.mul (local.get $s) (local.get $y0))))
            (local.set $c11 (f64x2.add (local.get $c11) (f64x2.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load64_splat offset=16 (local.get $a)))
            (local.set $c20 (f64x2.add (local.get $c20) (f64x2.mul (local.get $s) (local.get $y0))))
            (local.set $c21 (f64x2.add (local.get $c21) (f64x2.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load64_splat offset=24 (local.get $a)))
            (local.set $c30 (f64x2.add (local.get $c30) (f64x2.mul (local.get $s) (local.get $y0))))
            (local.set $c31 (f64x2.add (local.get $c31) (f64x2.mul (local.get $s) (local.get $y1))))
            (local.set $a (i32.add (local.get $a) (i32.const 32)))
            (local.set $b (i32.add (local.get $b) (i32.const 32)))
            (br $number)))
        (v128.store (local.get $sums) (local.get $c00))
        (v128.store offset=16 (local.get $sums) (local.get $c01))
        (v128.store offset=32 (local.get $sums) (local.get $c10))
        (v128.store offset=48 (local.get $sums) (local.get $c11))
        (v128.store offset=64 (local.get $sums) (local.get $c20))
        (v128.store offset=80 (local.get $sums) (local.get $c21))
        (v128.store offset=96 (local.get $sums) (local.get $c30))
        (v128.store offset=112 (local.get $sums) (local.get $c31))
        (local.set $y (i32.add (local.get $y) (local.get $between)))
        (local.set $sums (i32.add (local.get $sums) (i32.const 128)))
        (local.set $groups (i32.sub (local.get $groups) (i32.const 1)))
        (br $group))))

  ;; Four rows x of a group of float32 against the rows of `groups` groups y: sums[h][d][e] += Σ_k x[k][d]·y[h][k][e], k below `length`;
  ;; the sum of these terms in float32, what it is added to in float64. $x: where the first of the four stands in its group.
  ;; $between: bytes from one group y to the next. $sums: 64 float64 a group.
  (func (export "crossSingle")
    (param $x i32) (param $y i32) (param $between i32) (param $groups i32) (param $length i32) (param $sums i32)
    (local $a i32) (local $b i32) (local $end i32) (local $s v128) (local $y0 v128) (local $y1 v128)
    (local $c00 v128) (local $c01 v128) (local $c10 v128) (local $c11 v128)
    (local $c20 v128) (local $c21 v128) (local $c30 v128) (local $c31 v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $length) (i32.const 5))))
    (block $done
      (loop $group
        (br_if $done (i32.eqz (local.get $groups)))
        (local.set $c00 (v128.const f64x2 0 0))
        (local.set $c01 (v128.const f64x2 0 0))
        (local.set $c10 (v128.const f64x2 0 0))
        (local.set $c11 (v128.const f64x2 0 0))
        (local.set $c20 (v128.const f64x2 0 0))
        (local.set $c21 (v128.const f64x2 0 0))
        (local.set $c30 (v128.const f64x2 0 0))
        (local.set $c31 (v128.const f64x2 0 0))
        (local.set $a (local.get $x))
        (local.set $b (local.get $y))
        (block $over
          (loop $number
            (br_if $over (i32.eq (local.get $a) (local.get $end)))
            (local.set $y0 (v128.load (local.get $b)))
            (local.set $y1 (v128.load offset=16 (local.get $b)))
            (local.set $s (v128.load32_splat (local.get $a)))
            (local.set $c00 (f32x4.add (local.get $c00) (f32x4.mul (local.get $s) (local.get $y0))))
            (local.set $c01 (f32x4.add (local.get $c01) (f32x4.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load32_splat offset=4 (local.get $a)))
            (local.set $c10 (f32x4.add (local.get $c10) (f32x4.mul (local.get $s) (local.get $y0))))
            (local.set $c11 (f32x4.add (local.get $c11) (f32x4.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load32_splat offset=8 (local.get $a)))
            (local.set $c20 (f32x4.add (local.get $c20) (f32x4.mul (local.get $s) (local.get $y0))))
            (local.set $c21 (f32x4.add (local.get $c21) (f32x4.mul (local.get $s) (local.get $y1))))
            (local.set $s (v128.load32_splat offset=12 (local.get $a)))
            (local.set $c30 (f32x4.add (local.get $c30) (f32x4.mul (local.get $s) (local.get $y0))))
            (local.set $c31 (f32x4.add (local.get $c31) (f32x4.mul (local.get $s) (local.get $y1))))
            (local.set $a (i32.add (local.get $a) (i32.const 32)))
            (local.set $b (i32.add (local.get $b) (i32.const 32)))
            (br $number)))
        (call $into (i32.add (local.get $sums) (i32.const 0)) (local.get $c00) (local.get $c01))
        (call $into (i32.add (local.get $sums) (i32.const 64)) (local.get $c10) (local.get $c11))
        (call $into (i32.add (local.get $sums) (i32.const 128)) (local.get $c20) (local.get $c21))
        (call $into (i32.add (local.get $sums) (i32.const 192)) (local.get $c30) (local.get $c31))
        (local.set $y (i32.add (local.get $y) (local.get $between)))
        (local.set $sums (i32.add (local.get $sums) (i32.const 512)))
        (local.set $groups (i32.sub (local.get $groups) (i32.const 1)))
        (br $group))))

  ;; Eight float64 += eight float32.
  (func $into (param $sums i32) (param $a v128) (param $b v128)
    (call $pairs (local.get $sums) (local.get $a))
    (call $pairs (i32.add (local.get $sums) (i32.const 32)) (local.get $b)))

  (func $pairs (param $sums i32) (param $four v128)
    (v128.store (local.get $sums)
      (f64x2.add (v128.load (local.get $sums)) (f64x2.promote_low_f32x4 (local.get $four))))
    (v128.store offset=16 (local.get $sums)
      (f64x2.add
        (v128.load offset=16 (local.get $sums))
        (f64x2.promote_low_f32x4
          (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $four) (local.get $four))))))

  ;; Coordinates of two groups of float32: out[h][q·rows + i][d] = Σ_{k ≥ i} r[i, k]·value[q][k][8h + d], r column-major (rows, rank).
  ;; The values of row d stand at $values + d·$between, number k of position q at q·$position + k·$step bytes.
  ;; $v: room for 16·rank float32. $apart: bytes from the first group of $out to the second.
  (func (export "project")
    (param $values i32) (param $between i32) (param $position i32) (param $step i32) (param $positions i32)
    (param $r i32) (param $rows i32) (param $rank i32) (param $v i32) (param $out i32) (param $apart i32)
    (local $i i32) (local $at i32) (local $to i32) (local $c i32) (local $four i32)
    (local $stride i32) (local $end i32) (local $s v128) (local $a v128) (local $b v128) (local $d v128) (local $e v128)
    (local.set $stride (i32.shl (local.get $rows) (i32.const 2)))
    (local.set $end (i32.add (local.get $v) (i32.shl (local.get $rank) (i32.const 6))))
    (local.set $four (i32.shl (local.get $between) (i32.const 2)))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $positions)))
        (local.set $at (local.get $values))
        (local.set $to (local.get $v))
        (loop $number
          (v128.store (local.get $to) (call $column (local.get $at) (local.get $between)))
          (local.set $c (i32.add (local.get $at) (local.get $four)))
          (v128.store offset=16 (local.get $to) (call $column (local.get $c) (local.get $between)))
          (local.set $c (i32.add (local.get $c) (local.get $four)))
          (v128.store offset=32 (local.get $to) (call $column (local.get $c) (local.get $between)))
          (local.set $c (i32.add (local.get $c) (local.get $four)))
          (v128.store offset=48 (local.get $to) (call $column (local.get $c) (local.get $between)))
          (local.set $at (i32.add (local.get $at) (local.get $step)))
          (local.set $to (i32.add (local.get $to) (i32.const 64)))
          (br_if $number (i32.lt_u (local.get $to) (local.get $end))))
        (local.set $i (i32.const 0))
        (loop $row
          (local.set $a (v128.const f64x2 0 0))
          (local.set $b (v128.const f64x2 0 0))
          (local.set $d (v128.const f64x2 0 0))
          (local.set $e (v128.const f64x2 0 0))
          (local.set $to (i32.add (local.get $v) (i32.shl (local.get $i) (i32.const 6))))
          ;; r[i, i]
          (local.set $c
            (i32.add (local.get $r)
              (i32.shl
                (i32.add (i32.mul (local.get $i) (local.get $rows)) (local.get $i))
                (i32.const 2))))
          (loop $term
            (local.set $s (v128.load32_splat (local.get $c)))
            (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $s) (v128.load (local.get $to)))))
            (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $s) (v128.load offset=16 (local.get $to)))))
            (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $s) (v128.load offset=32 (local.get $to)))))
            (local.set $e (f32x4.add (local.get $e) (f32x4.mul (local.get $s) (v128.load offset=48 (local.get $to)))))
            (local.set $c (i32.add (local.get $c) (local.get $stride)))
            (local.set $to (i32.add (local.get $to) (i32.const 64)))
            (br_if $term (i32.lt_u (local.get $to) (local.get $end))))
          (v128.store (local.get $out) (local.get $a))
          (v128.store offset=16 (local.get $out) (local.get $b))
          (local.set $to (i32.add (local.get $out) (local.get $apart)))
          (v128.store (local.get $to) (local.get $d))
          (v128.store offset=16 (local.get $to) (local.get $e))
          (local.set $out (i32.add (local.get $out) (i32.const 32)))
          (local.set $i (i32.add (local.get $i) (i32.const 1)))
          (br_if $row (i32.lt_u (local.get $i) (local.get $rows))))
        (local.set $values (i32.add (local.get $values) (local.get $position)))
        (local.set $positions (i32.sub (local.get $positions) (i32.const 1)))
        (br $next))))

  ;; One number of four rows, side by side.
  (func $column (param $at i32) (param $between i32) (result v128)
    (local $v1 i32) (local $v2 i32)
    (local.set $v1 (i32.add (local.get $at) (local.get $between)))
    (local.set $v2 (i32.add (local.get $v1) (local.get $between)))
    (v128.load32_lane 3 (i32.add (local.get $v2) (local.get $between))
      (v128.load32_lane 2 (local.get $v2)
        (v128.load32_lane 1 (local.get $v1)
          (v128.load32_zero (local.get $at))))))
)
