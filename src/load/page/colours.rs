//! The colours of the page: those of Okabe and Ito, which colour-blind readers can tell apart.
//!
//! Plots carry the colours of a light page; the style sheet knows them by their value, and replaces
//! them where the page is dark. A colour that changes here changes in `style.css`.

use plotters::style::RGBColor;

/// Lines between marks of an axis.
pub const GRID: RGBColor = RGBColor(0xE4, 0xE7, 0xEB);
/// Axes, and the end of shoppers' time.
pub const AXIS: RGBColor = RGBColor(0x9A, 0xA3, 0xAE);
/// Words.
pub const TEXT: RGBColor = RGBColor(0x4B, 0x55, 0x63);
/// While something was broken on purpose.
pub const FAULT: RGBColor = RGBColor(0x80, 0x80, 0x80);

/// What a line is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hue {
    Blue,
    Vermillion,
    Green,
    Purple,
    Orange,
    Sky,
    Grey,
}

impl Hue {
    pub fn rgb(self) -> RGBColor {
        match self {
            Hue::Blue => RGBColor(0x00, 0x72, 0xB2),
            Hue::Vermillion => RGBColor(0xD5, 0x5E, 0x00),
            Hue::Green => RGBColor(0x00, 0x9E, 0x73),
            Hue::Purple => RGBColor(0xCC, 0x79, 0xA7),
            Hue::Orange => RGBColor(0xE6, 0x9F, 0x00),
            Hue::Sky => RGBColor(0x56, 0xB4, 0xE9),
            Hue::Grey => RGBColor(0x6B, 0x72, 0x80),
        }
    }

    /// Its class in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Hue::Blue => "blue",
            Hue::Vermillion => "vermillion",
            Hue::Green => "green",
            Hue::Purple => "purple",
            Hue::Orange => "orange",
            Hue::Sky => "sky",
            Hue::Grey => "grey",
        }
    }
}
