//! Poppler, asked what it shows of a file and what it would copy.

use std::io::{BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Points are drawn as so many pixels.
pub const PIXELS: f64 = 150.0 / 72.0;

/// A page as it is shown, three bytes a pixel.
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Picture {
    pub fn at(&self, i: usize) -> [f64; 3] {
        let part = |n: usize| f64::from(self.pixels[3 * i + n]) / 255.0;
        [part(0), part(1), part(2)]
    }

    /// Writes it as a file.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let file = std::fs::File::create(path)?;
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header()?;
        Ok(writer.write_image_data(&self.pixels)?)
    }
}

/// Whether Poppler is there.
pub fn is_there() -> bool {
    ["pdftoppm", "pdftotext"].iter().all(|tool| {
        Command::new(tool).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
    })
}

/// The pages of a file, drawn one after the other.
pub struct Pages {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Pages {
    pub fn of(file: &Path) -> Pages {
        let mut child = Command::new("pdftoppm")
            .args(["-r", "150", "-cropbox"])
            .arg(file)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("pdftoppm of poppler-utils runs");
        let out = BufReader::with_capacity(1 << 20, child.stdout.take().expect("its output is taken"));
        Pages { child, out }
    }

    fn number(&mut self) -> usize {
        let (mut n, mut byte) = (0, [0u8]);
        loop {
            self.out.read_exact(&mut byte).expect("pdftoppm draws every page");
            match byte[0] {
                b'0'..=b'9' => n = 10 * n + usize::from(byte[0] - b'0'),
                _ => return n,
            }
        }
    }

    /// The next page.
    pub fn next(&mut self) -> Picture {
        let mut kind = [0u8; 3];
        self.out.read_exact(&mut kind).expect("pdftoppm draws every page");
        assert_eq!(&kind, b"P6\n", "a picture as pdftoppm writes one");
        let (width, height, _) = (self.number(), self.number(), self.number());
        let mut pixels = vec![0; 3 * width * height];
        self.out.read_exact(&mut pixels).expect("pdftoppm draws every page");
        Picture { width, height, pixels }
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A word that Poppler would copy: its box in points from the upper left corner, and what it says.
pub struct Copied {
    pub area: [f64; 4],
    pub text: String,
}

/// The words of each page, as `pdftotext -bbox` finds them.
pub fn words(file: &Path) -> Vec<Vec<Copied>> {
    let out = Command::new("pdftotext").args(["-bbox", "-enc", "UTF-8"]).arg(file).arg("-").output();
    let text = String::from_utf8_lossy(&out.expect("pdftotext of poppler-utils runs").stdout).into_owned();
    let mut pages: Vec<Vec<Copied>> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("<page ") {
            pages.push(Vec::new());
        }
        let Some(word) = line.strip_prefix("<word ") else { continue };
        let number = |key: &str| word.split(key).nth(1)?.split('"').nth(1)?.parse::<f64>().ok();
        let area = ["xMin=", "yMin=", "xMax=", "yMax="].map(|key| number(key).unwrap_or(0.0));
        let said = word.split('>').nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default();
        if let Some(page) = pages.last_mut() {
            page.push(Copied { area, text: said.to_owned() });
        }
    }
    pages
}
