/** Value lists that several trades share. Single words: they are copied into the call as they stand. */
import { words } from './trade.ts'

export const firstName = words(`
  Maria John Anna Peter Laura David Sarah Michael Emma Daniel Julia Thomas Sofia Robert Alice Paul Nina Mark Clara Simon
  Helen George Lucy Martin Rosa Oscar Irene Victor Diana Felix Grace Henry Karen Leo Monica Nathan Olga Patrick Rachel
  Samuel Tina Walter Wendy Adam Bella Carlos Dora Edward Fiona Gavin Hannah Ivan Jane Kevin Linda Mary Noah Olivia Philip
  Ruth Steven Teresa Vera William Arthur Betty Charles Debra Eric Frank Gloria Harold Ian James Kate Louis Megan Nancy
  Oliver Paula Ralph Susan Tom Una Vincent Amy Ben Carol Dennis Ellen Fred Gina Hugo Iris Jack Joan Ken Lily Max Nora`)

export const weekday = words('Monday Tuesday Wednesday Thursday Friday Saturday Sunday')

export const month = words('January February March April May June July August September October November December')

export const city = words(`
  London Paris Rome Madrid Berlin Vienna Boston Chicago Dallas Denver Seattle Miami Houston Phoenix Atlanta Detroit Lisbon
  Dublin Oslo Athens Prague Warsaw Milan Geneva Munich Hamburg Lyon Naples Oxford Bristol Leeds York Cairo Delhi Tokyo
  Sydney Toronto Austin Portland Memphis`)

export const color = words('red blue green black white yellow brown grey pink purple orange silver gold')
